"""What holds of identities in any history, said once more and slowly, without the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records.facts import Assignment, GraphFact, PodClaim
from streams.records.marks import MarkKind
from streams.records.views import PodRef
from tests.unit.flow.keeping import GRACE, OURS, Kept, read, told
from tests.unit.flow.pod_histories import Timed, histories
from tests.unit.flow.records import GRAPH

# A history is long, and each of its facts is judged.
FEW = settings().max_examples // 4
SEEDS = st.integers(0, 1 << 32)
LENGTHS = st.integers(10, 50)
USABLE = {str(each) for each in OURS.addresses.hosts()} - OURS.reserved


def kept_after(history: list[Timed]) -> Kept:
    kept = Kept()
    for fact, at in history:
        kept.now = at - 1
        kept.tell(fact)
    return kept


def said(history: list[Timed]) -> Iterator[tuple[GraphFact, float, list[PodClaim]]]:
    """Yield what is told with each fact."""
    kept = Kept()
    for fact, at in history:
        kept.now = at - 1
        yield fact, at, told(kept.tell(fact))


class Slow:
    """Which pods live, and whose they are."""

    def __init__(self) -> None:
        self.claims: dict[str, PodClaim] = {}

    def take(self, fact: GraphFact) -> None:
        if fact.claim is not None:
            known = self.claims.get(fact.claim.pod.key)
            if known is None or known.rev < fact.claim.rev:
                self.claims[fact.claim.pod.key] = fact.claim

    def living(self) -> list[PodRef]:
        return [claim.pod for claim in self.claims.values() if claim.live]

    def members(self) -> dict[str, list[PodRef]]:
        found: defaultdict[str, list[PodRef]] = defaultdict(list)
        for pod in self.living():
            found[whose(pod)].append(pod)
        return found


def whose(pod: PodRef) -> str:
    """Return the key of the identity a pod is of."""
    owner = pod.workload
    if owner is None or any(pod.labels.get(k) != v for k, v in (owner.selector or {}).items()):
        return f"{pod.cluster}/{pod.namespace}/pod.{pod.name}"
    return f"{pod.cluster}/{pod.namespace}/{owner.kind.lower()}.{owner.name}"


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_who_is_of_an_identity_is_who_its_owner_says(seed, length):
    history = histories(seed, length)
    slow = Slow()
    for fact, _ in history:
        slow.take(fact)

    means = kept_after(history).state.means

    members = slow.members()
    assert members.keys() <= means.keys()
    for key, identity in means.items():
        addresses = {pod.address for pod in members[key] if pod.address}
        assert identity.identity.aliases == tuple(sorted(addresses - USABLE))


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_labels_are_shared_with_whoever_else_wears_them_all(seed, length):
    history = histories(seed, length)
    slow = Slow()
    for fact, _ in history:
        slow.take(fact)

    for key, identity in kept_after(history).state.means.items():
        selector = identity.identity.selector
        others = [
            pod.key
            for pod in slow.living()
            if selector
            and whose(pod) != key
            and pod.namespace == identity.namespace
            and all(pod.labels.get(label) == value for label, value in selector.items())
        ]
        assert identity.identity.shared_with == min(others, default="")


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_no_two_have_one_address_and_none_has_one_that_is_not_to_be_given(seed, length):
    holders: dict[str, str] = {}
    for _, _, claims in said(histories(seed, length)):
        for claim in claims:
            address = claim.pod.address
            assert address is None or address in USABLE
            if not claim.live:
                holders.pop(str(address), None)
            elif address is not None:
                assert holders.setdefault(address, claim.pod.key) == claim.pod.key


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_no_uid_is_given_twice(seed, length):
    holders: dict[str, tuple[str, str]] = {}
    ended: set[str] = set()
    for _, _, claims in said(histories(seed, length, names=())):
        for claim in claims:
            uid, held = claim.pod.uid, (claim.pod.key, str(claim.pod.address))
            assert holders.setdefault(uid, held) == held
            assert claim.live or uid not in ended
            if not claim.live:
                ended.add(uid)


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_an_identity_ends_when_it_had_no_pods_for_the_whole_grace_and_then_it_does(seed, length):
    slow, empty, opened = Slow(), dict[str, float](), False
    known: set[str] = set()
    for fact, at, claims in said(histories(seed, length, names=())):
        slow.take(fact)
        peopled = slow.members().keys()
        known |= peopled
        empty = {key: empty.get(key, at) for key in known - peopled}
        for claim in claims:
            if not claim.live:
                assert at - empty.pop(claim.pod.key) >= GRACE
                known.discard(claim.pod.key)
        kind = fact.mark.kind if fact.mark is not None else None
        opened |= kind is MarkKind.FIREWALLS_READ
        if opened and kind is MarkKind.GRACE_OVER:
            assert all(at - since < GRACE for since in empty.values())


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS)
def test_an_address_is_given_again_after_all_others_and_the_one_freed_longest_ago_first(
    seed, length
):
    holders, freed = dict[str, str](), dict[str, int]()
    for offset, (_, _, claims) in enumerate(said(histories(seed, length, names=()))):
        for claim in claims:
            address = claim.pod.address
            if address is None:
                continue
            if not claim.live:
                freed[address] = offset
                del holders[address]
            elif holders.get(address) != claim.pod.key:
                if address in freed:
                    assert not USABLE - freed.keys() - holders.keys()
                    free = {each: at for each, at in freed.items() if each not in holders}
                    assert freed[address] == min(free.values())
                holders[address] = claim.pod.key


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS, st.randoms())
def test_in_whichever_order_pods_are_told_of_they_are_of_the_same_identities(seed, length, dice):
    facts = [fact for fact, _ in histories(seed, length, names=()) if fact.claim is not None]
    queues: defaultdict[str, list[GraphFact]] = defaultdict(list)
    for fact in facts:
        queues[fact.claim.pod.key].append(fact)
    mixed = [
        queues[key].pop(0) for key in dice.sample([f.claim.pod.key for f in facts], len(facts))
    ]

    def peopled(kept: Kept) -> dict[str, object]:
        state = kept.state
        return {
            key: (pod.identity, pod.labels, pod.named_ports)
            for key, pod in state.means.items()
            if state.identities[key].peopled
        }

    assert peopled(Kept(read(), *mixed)) == peopled(Kept(read(), *facts))


@settings(max_examples=FEW)
@given(SEEDS, LENGTHS, st.randoms())
def test_what_is_lost_is_found_again_in_verefoo(seed, length, dice):
    kept = kept_after(histories(seed, length))
    kept.tell(read())
    nodes = [pod for pod in kept.state.means.values() if pod.address]
    pods = [row.pod for row in kept.state.pods.values() if row.live]
    facts = [
        GraphFact(
            graph=GRAPH,
            assigned=Assignment(
                address=str(each.address),
                name=f"{each.cluster}/{each.namespace}/{each.identity.kind}/{each.identity.name}",
                uid=each.uid,
            ),
        )
        for each in nodes
    ]
    facts += [
        GraphFact(graph=GRAPH, claim=PodClaim(pod=each, live=True, rev=rev))
        for rev, each in enumerate(pods)
    ]
    dice.shuffle(facts)

    anew = Kept(*facts, read(epoch=2), ours=OURS._replace(epoch=2))

    assert {pod.key: (pod.address, pod.uid) for pod in nodes} == {
        pod.key: (pod.address, pod.uid) for pod in anew.state.means.values() if pod.address
    }
