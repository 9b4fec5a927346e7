"""Targets: what lies in topics and tables, and its keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from streams.codec import MAX_DETAIL, Poison, RecordTooLarge, decode, encode
from streams.faust_codec import KeyCodec, RecordCodec
from streams.flow import aligner, framing, router
from streams.flow.identity_rows import (
    Alias,
    Forgotten,
    IdentitiesRow,
    Member,
    Standing,
    Synced,
    Version,
)
from streams.flow.output import Send
from streams.records.base import Record
from streams.records.facts import GraphFact, Place
from streams.records.marks import BarrierRequest
from streams.records.pods import PodEvent
from streams.records.policies import DeadLetter
from streams.records.reasons import LetterReason
from streams.topics import VOCABULARY
from streams.traceparent import HEADER, parent_in
from streams.unpacking import Batches
from tables.catalog import CATALOG
from tests.fuzz.target import Target
from tests.inputs import batches
from tests.inputs.rows import FIREWALL_CHANGES, POD_EVENTS
from tests.unit.cli.rows import outcome
from tests.unit.flow.records import (
    GRAPH,
    ROUTING,
    Routed,
    Tracked,
    allow,
    at,
    change,
    claim,
    five,
    opening,
    told,
)

CARRIED = [carried.record for carried in VOCABULARY.values()]
TYPES = list(dict.fromkeys([*CARRIED, *(kept.row for kept in CATALOG.values())]))
LONGEST_SEED = 4096
PLACES = 3
FACTS = [
    *opening(),
    claim("a", 0),
    claim("b", 1),
    change(0, added=(allow("a", "b"), allow("*", "b", "80-90"), allow("a", "192.0.2.7")),
           change_set={"id": "s", "part": 1, "of": 1}, holders={"10.0.0.11": "uid-a"}),
    GraphFact(graph=GRAPH, place=Place(firewall="10.9.0.1", uid="uid-a")),
    claim("c", 2, live=False),
]  # fmt: skip


def real_records() -> Iterator[Record]:
    """Yield what a small world has in its topics and tables."""
    tracked, routed = Tracked(), Routed()
    events = [told("ADDED", "uid-a", "10.0.0.11", 1), five("DELETED", "10.0.0.12", "b")]
    for event in events:
        sent = tracked.tell(event)
        yield event
        yield from (each.value for each in sent if isinstance(each, Send))
    yield from routed.tell(*FACTS)
    rows: dict[str, aligner.AlignerRow] = {}
    ours = aligner.Aligning(1, 1, ("local",))
    for offset, fact in enumerate(FACTS):
        aligner.remember(rows, fact, at(offset), ours)
    spoken = router.speak(routed.graph, sorted(routed.graph.index.pods), at(9), None, ROUTING)
    yield from (each.value for each in spoken if isinstance(each, Send))
    for held in (tracked.rows, routed.pods, routed.rows, routed.compiled, rows):
        yield from held.values()
    yield from framing.frame(GRAPH, routed.graph.index, 9)
    yield from (fact.change for fact in FACTS if fact.change is not None)
    yield from FACTS
    yield identity_row()
    yield outcome("pod-a", reason="none")
    yield DeadLetter(topic="pod-events", partition=0, offset=1, reason="not-json", raw="e30=")
    yield BarrierRequest(id="b", at=1.0)


def identity_row() -> IdentitiesRow:
    """Return a row that has said one thing of each kind, as none of one key ever does."""
    said = claim("a", 0).claim
    assert said is not None
    member = Member(pod=said.pod, live=said.live, rev=said.rev, partition=0, since=said.since)
    versions = (
        Version(at=1, pod=member),
        Version(at=2, identity=Standing(pod=said.pod, began=2, empty=1.0)),
        Version(at=3, freed="198.18.0.9"),
        Version(at=4, held=FACTS[-1]),
        Version(at=5, alias=Alias(address="192.0.2.7", name="local/default/Deployment/web")),
        Version(at=6, synced=Synced(lists={"local": [0]}, listing={"local": (1, 2)})),
        Version(at=7, forgotten=Forgotten(revs={0: 7})),
    )
    return IdentitiesRow(versions=versions)


def take(raw: bytes, kind: type[Record]) -> None:
    """Check that bytes are a record that travels unchanged, or poison with a reason."""
    value = RecordCodec(kind).loads(raw)
    if isinstance(value, Poison):
        assert value.raw == raw
        assert value.reason in LetterReason
        assert len(value.detail) <= MAX_DETAIL
        assert value.detail.isprintable()
        return
    assert type(value) is kind
    sent = as_sent_on(value)
    try:
        again = encode(sent)
    except RecordTooLarge:
        return
    assert decode(again, kind) == sent


def take_key(raw: bytes) -> None:
    """Check that a key is a text, and its own when it comes back."""
    codec = KeyCodec()
    key = codec.loads(raw)
    assert isinstance(key, str)
    assert codec.loads(codec.dumps(key)) == key


def take_batch(raw: bytes) -> None:
    """Check that whatever a batch holds is read, each at an offset of its own."""
    made = batches.batch(packed=raw, count=PLACES, places=PLACES)
    offsets = [each.offset for each in Batches(made).next_batch()]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == PLACES - 1
    assert offsets[0] >= 0


def take_parent(raw: bytes) -> None:
    """Check that a header names a span, and the same when it is sent on, or nothing."""
    parent = parent_in([(HEADER, raw)])
    if parent is not None:
        assert parent.trace_id
        assert parent.span_id
        assert parent_in([(HEADER, parent.text.encode())]) == parent


def as_sent_on(value: Record) -> Record:
    """Return a record as one of our workers would write it."""
    # Only who sends a record of five fields on spells out its namespace, and says that it does.
    five = isinstance(value, PodEvent) and value.mark is None and not value.uid
    return value.model_copy(update={"forwarded": True}) if five else value


def _targets() -> list[Target]:
    seeds: defaultdict[type[Record], list[bytes]] = defaultdict(list)
    for record in real_records():
        seeds[type(record)].append(encode(record))
    odd = {CARRIED[0]: POD_EVENTS, CARRIED[1]: FIREWALL_CHANGES}
    for kind, given in odd.items():
        seeds[kind] += [each.value for each in given if len(each.value or b"") < LONGEST_SEED
                        and each.value is not None]  # fmt: skip

    def target(kind: type[Record]) -> Target:
        own = tuple(dict.fromkeys([b"{}", *seeds[kind]]))
        return Target(f"record-{kind.__name__}", lambda raw: take(raw, kind), own)

    unnamed = batches.record(1, b"b", headers=[(batches.NO_NAME, b"x")])
    sound, torn = batches.record(0, b"a"), batches.record(0, b"a", count=9)
    return [
        *map(target, TYPES),
        Target("key", take_key, [b"local/default/pod-a", b"\xff"]),
        Target("batch", take_batch, [sound + unnamed, torn]),
        Target("traceparent", take_parent, [b"00-%032x-%016x-01" % (7, 9), b"00-"]),
    ]


TARGETS = _targets()
