"""Explain whether something gets through: from the rule that decides to the object in the cluster.

Pages and commands show the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.asking.ends import End, Known, Peer, find_end, holder
from agents.asking.explained import Explained, Half, Said, Way
from agents.asking.halves import half, wanted_key
from agents.asking.reaching import Answer, Port
from agents.asking.said import say_rule
from agents.asking.unsaid import Unsaid, say
from streams.flow.crossing import met_at
from streams.flow.deciding import Decision, across, between
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.policy.reach import both_sides, outsider, ports_of
from streams.records.ports import PortRange
from streams.records.rules import Action, Protocol
from streams.records.views import Direction, Inexactness, PodRef
from streams.rules.deciding import Flow
from streams.rules.wording import one_line

APART = "what the rules say of it another part of this installation knows"


@dataclass(frozen=True)
class Judged:
    """What one graph decides, and whom it takes the two ends for."""

    graph: str
    index: GraphIndex
    decision: Decision
    ends: tuple[PodRef | None, PodRef | None]


def explain(known: Known, source: str, to: str, port: Port | None) -> Explained:
    """Return the whole answer; raise ValueError if nobody is meant by a name."""
    one, two = find_end(known, source), find_end(known, to)
    if one.service is not None:
        raise ValueError(f"{one.name} sends nothing: name a pod")
    ways = tuple(
        explain_way(known, sender, taker, arriving)
        for sender in one.peers
        for taker in two.peers
        for arriving in _arriving(two, taker, port)
    )
    reaches = bool(ways) and all(each.reaches for each in ways)
    return Explained(
        source=one.name,
        to=two.name,
        port=port.text if port else "",
        reaches=reaches,
        why=_why_all(two, ways, port),
        ways=ways,
    )


def explain_way(known: Known, one: Peer, two: Peer, port: Port | None) -> Way:
    """Return whether one reaches the other, and what decides."""
    flow = Flow((port.protocol,), PortRange(port.number, port.number)) if port else Flow()
    judged = list(_judged(known, one, two, flow))
    one, two = _as_met(known, one, two, judged)
    sides = both_sides(known.stored.policies, one.pod, two.pod, known.stored.labels)
    answer = Answer(one.name, two.name, *sides, port)
    egress, ingress = (half(known, answer, (one, two), leaves) for leaves in (True, False))
    apart = "graph-rules" in known.rows.apart
    allowed = None if apart else any(each.decision.allowed for each in judged)
    rules = tuple(said for each in judged for said in rules_about(each, allowed))
    orphaned = tuple(said for each in judged for said in orphaned_in(each) if not allowed)
    return Way(
        source=one.name,
        to=two.name,
        port=port.text if port else "",
        reaches=answer.yes,
        allowed=allowed,
        ports=answer.both.text,
        why=_why(answer.yes, allowed, rules, orphaned, (egress, ingress)),
        rules=rules,
        orphaned=orphaned,
        egress=egress,
        ingress=ingress,
        in_the_way=tuple(answer.in_the_way),
        unsaid=tuple(_unsaid(known, (one, two), judged)),
    )


def _arriving(end: End, peer: Peer, port: Port | None) -> Iterator[Port | None]:
    """Yield at which port of a pod it arrives; behind a Service that may be another, or none."""
    if end.service is None or end.service.service is None:
        yield port
        return
    for each in end.service.service.ports:
        listens = Port(Protocol(each.protocol), each.port)
        if port in (None, listens):
            target = [{"protocol": each.protocol, "port": each.target}]
            for first, _ in ports_of(target, peer.pod).of(listens.protocol):
                yield Port(listens.protocol, first)


def judge_in(
    graph: str,
    index: GraphIndex,
    ends: tuple[PodRef | None, PodRef | None],
    addresses: tuple[str, str],
    flow: Flow,
    judging: Judging,
) -> Judged | None:
    """Return what one graph decides between two ends; None: it knows neither of them."""
    source, destination = ends
    if source and destination:
        found = between(index, source, destination, flow, judging)
    elif source:
        found = across(index, source, Direction.EGRESS, addresses[1], flow, judging)
    elif destination:
        found = across(index, destination, Direction.INGRESS, addresses[0], flow, judging)
    else:
        return None
    return Judged(graph, index, found, ends)


def _judged(known: Known, one: Peer, two: Peer, flow: Flow) -> Iterator[Judged]:
    for graph, index in known.rows.graphs.items():
        ends = holder(known.rows, index, one), holder(known.rows, index, two)
        addresses = one.address, two.address
        if found := judge_in(graph, index, ends, addresses, flow, known.judging):
            yield found


def _as_met(known: Known, one: Peer, two: Peer, judged: Iterable[Judged]) -> tuple[Peer, Peer]:
    """Return both as policies see them: from another cluster perhaps at a gateway."""
    links = known.judging.links
    for source, destination in (each.ends for each in judged):
        if source is None or destination is None or source.cluster == destination.cluster:
            continue
        here, there = source.cluster, destination.cluster
        if one.elsewhere and (met := met_at(links, there, here, Direction.INGRESS)):
            one = one._replace(pod=outsider(_first(met)))
        if two.elsewhere and (met := met_at(links, here, there, Direction.EGRESS)):
            two = two._replace(pod=outsider(_first(met)))
    return one, two


def _first(networks: Sequence[str]) -> str:
    return networks[0].partition("/")[0]


def rules_about(judged: Judged, allowed: bool | None) -> Iterator[Said]:
    """Yield the rules about it, each with whether it decides that it is allowed, or is not."""
    # Of several graphs one that allows suffices: what another says does not decide then.
    decides = judged.decision.deciding if judged.decision.allowed is allowed else frozenset[str]()
    for key in dict.fromkeys(key for key, _ in judged.decision.about):
        yield _rule(judged, key, key in decides)


def orphaned_in(judged: Judged) -> Iterator[Said]:
    """Yield the rules that name the addresses, and are not for who has them now."""
    return (_rule(judged, key, False) for key in judged.decision.orphaned)


def _rule(judged: Judged, key: str, decides: bool) -> Said:
    return say_rule(judged.graph, judged.index, key, decides)


def _unsaid(known: Known, ends: tuple[Peer, Peer], judged: Iterable[Judged]) -> Iterator[Unsaid]:
    about: set[str] = set()
    for each in judged:
        rows = dict(each.decision.about)
        about |= {one_line(row.rule) for row in rows.values()}
        about |= {one_line(each.index.rules[key].rule) for key in rows}
        about |= {text for pod in each.ends if pod for text in (pod.key, pod.name, pod.uid)}
    keys = dict.fromkeys(wanted_key(known, each) for each in ends)
    found = (each for key in keys if key for each in known.rows.wanted[key].inexact)
    # Both ends report the same of one rule.
    yield from map(say, dict.fromkeys(each for each in found if _is_about(each, about)))


def _is_about(each: Inexactness, about: set[str]) -> bool:
    direction, _, peer = each.rule.partition(" ")
    return each.rule in about or (direction in (*Direction, "isolation") and peer in about)


def _why(
    reaches: bool,
    allowed: bool | None,
    rules: tuple[Said, ...],
    orphaned: tuple[Said, ...],
    halves: tuple[Half, Half],
) -> str:
    if allowed is None:
        do = "let it through" if reaches else "do not let it through"
        return f"The stored policies {do}; {APART}."
    deciding = [each for each in rules if each.decides]
    if reaches:
        return _why_yes(allowed, deciding, halves)
    if allowed:
        return f"The rules allow it, but {', and '.join(_missing(halves))}."
    return why_closed(rules, orphaned)


def why_closed(rules: Iterable[Said], orphaned: Iterable[Said]) -> str:
    """Say why rules do not allow it: the one that denies it, or that there is none."""
    told = tuple(rules)
    deciding = [each for each in told if each.decides]
    allowing = [each.text for each in told if each.action == Action.ALLOW]
    if not deciding and allowing:
        return f"Rule {allowing[0]} allows it, but not at every firewall on the way."
    if not deciding:
        closed = "No rule allows it, and what no rule allows is closed."
        return (
            f"{closed} One names these addresses, not who has them now."
            if any(orphaned)
            else closed
        )
    if deciding[0].action == Action.ALLOW:
        part = "but from some source ports only, which no policy can say: it is left out"
        return f"Rule {deciding[0].text} allows it, {part}."
    wins = f", and wins over an ALLOW ({deciding[0].order})" if allowing else ""
    return f"Rule {deciding[0].text} denies it{wins}."


def _why_yes(allowed: bool, deciding: list[Said], halves: tuple[Half, Half]) -> str:
    if not any(each.policies for each in halves):
        asked = "" if allowed else " No rule allows it, and nothing enforces that."
        return f"No policy selects either end, so everything passes.{asked}"
    if allowed:
        return f"{who_allows(deciding)} allows it, and the stored policies let it through."
    letting = (each.name for half in halves for each in half.policies if each.lets)
    names = ", ".join(dict.fromkeys(letting)) or "an open end"
    return f"No rule allows it, and all the same it gets through, by {names}."


def who_allows(deciding: Sequence[Said]) -> str:
    """Return which rule allows it; where none does, it is a firewall's default."""
    return f"Rule {deciding[0].text}" if deciding else "A firewall's default"


def _missing(halves: tuple[Half, Half]) -> Iterator[str]:
    for each in halves:
        if not each.lets:
            yield f"it does not get {each.way} {each.pod}: {_because(each)}"
    if all(each.lets for each in halves):
        yield "the two ends let different ports through"


def _because(each: Half) -> str:
    if each.standing is None:
        return "the rules make no policy for it"
    if each.standing.in_force:
        return "its policy cannot say so (see what is not exact)"
    return f"its policy is {each.standing.words}"


def _why_all(end: End, ways: tuple[Way, ...], port: Port | None) -> str:
    if end.service is None:
        return ways[0].why
    if not end.peers:
        return f"No pod stands behind {end.name}."
    if not ways:
        return f"{end.name} does not listen at {port.text if port else 'any port'}."
    served = sum(each.reaches for each in ways)
    which = next((each for each in ways if not each.reaches), ways[0])
    return f"{served} of {len(ways)} pods behind it are reached. {which.to}: {which.why}"
