"""CPU of the router per event, at 100 and at 10,000 pods: its own work and nothing else."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from streams.flow import router
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import PodRef

GRAPH, FIREWALL = "main", "10.0.0.1"
OURS = router.Routing(partitions=1, epoch=1, clusters=("local",))
EVENTS = 400


def address(number: int) -> str:
    """Return the address of one pod."""
    return f"10.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"


def claim(number: int, rev: int, live: bool = True) -> GraphFact:
    """Return the claim of one pod."""
    name = f"pod-{number}"
    pod = PodRef(
        cluster="local",
        namespace="default",
        name=name,
        uid=f"uid-{number}",
        address=address(number),
        labels={"app": name},
    )
    since = Stamp(lease=1, n=rev)
    return GraphFact(graph=GRAPH, claim=PodClaim(pod=pod, live=live, rev=rev, since=since))


def rule(source: int, destination: int, port: int) -> Rule:
    """Return one exact rule between two pods."""
    return Rule(
        action=Action.ALLOW,
        source=address(source),
        destination=address(destination),
        protocol=Protocol.TCP,
        dst_port=str(port),
    )


def change(added: tuple[Rule, ...] = (), removed: tuple[Rule, ...] = ()) -> GraphFact:
    """Return a delta of one firewall."""
    said = FirewallChange(graph=GRAPH, firewall=FIREWALL, added=added, removed=removed)
    return GraphFact(graph=GRAPH, change=said)


def world(pods: int) -> Iterator[GraphFact]:
    """Yield a graph of so many pods, with one rule from each to the next, open for business."""
    for number in range(pods):
        yield claim(number, number)
    for first in range(0, pods, 500):
        rules = tuple(
            rule(number, (number + 1) % pods, 80) for number in range(first, min(first + 500, pods))
        )
        yield change(added=rules)
    stamp = Stamp(lease=1, n=0)
    listed = Mark(
        kind=MarkKind.LIST_COMPLETE, id="l", cluster="local", epoch=1, stamp=stamp, started=stamp
    )
    yield GraphFact(graph=GRAPH, mark=listed)
    yield GraphFact(graph=GRAPH, mark=Mark(kind=MarkKind.FIREWALLS_READ, id="r", epoch=1))


def measure(pods: int) -> tuple[float, float]:
    """Return the median CPU seconds of one rule change and of one pod event."""
    graph = router.Graph(GRAPH, {}, {})
    offset = 0

    def take(fact: GraphFact) -> float:
        nonlocal offset
        offset += 1
        began = time.process_time()
        router.handle(graph, fact, Source(topic="t", partition=0, offset=offset), OURS)
        return time.process_time() - began

    for fact in world(pods):
        take(fact)
    rules, claims = [], []
    for turn in range(EVENTS):
        one, two = turn % pods, (turn * 7 + 3) % pods
        rules.append(take(change(added=(rule(one, two, 443),))))
        rules.append(take(change(removed=(rule(one, two, 443),))))
        claims.append(take(claim(one, 10_000_000 + offset, live=False)))
        claims.append(take(claim(one, 10_000_000 + offset)))
    return statistics.median(rules), statistics.median(claims)


def main() -> None:
    """Print the figures."""
    for pods in (100, 10_000):
        change_cpu, claim_cpu = measure(pods)
        print(
            f"rule_router at {pods:6d} pods: {change_cpu * 1e6:7.0f} us a rule change,"
            f" {claim_cpu * 1e6:7.0f} us a pod event"
        )


if __name__ == "__main__":
    main()
