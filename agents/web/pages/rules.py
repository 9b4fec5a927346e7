"""Rules: what each firewall says, whom each rule is bound to, and what it became."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pydantic import Field

from agents.asking.policies import PolicyLine, policy_line
from agents.asking.seen import Seen
from agents.asking.unsaid import Unsaid, say
from agents.asking.view import View, short
from agents.web.pages.page import Asked, Listing, NotHere, Page, cut
from streams.flow.graph_rows import End
from streams.flow.index import GraphIndex
from streams.records.addresses import is_exact
from streams.rules.spaces import around, minus
from streams.rules.wording import one_line

MOST_POLICIES = 200
_MADE_NOTHING = ("parked", "gone")


class Firewall(View):
    """A firewall: its default, and whether its list has an order."""

    graph: str
    firewall: str
    default_action: str
    ordered: bool
    owner: str
    rules: int


class Bound(View):
    """One end of a rule: what it names, and the pod, identity or Service it was bound to."""

    names: str
    state: str
    kind: str
    pod: str


class RuleLine(View):
    """One rule in a list."""

    graph: str
    key: str
    firewall: str
    text: str
    action: str
    source: Bound
    destination: Bound
    in_force: bool
    policies: int
    unsaid: tuple[str, ...]


class Rules(View):
    """What the firewalls say: each rule, what it became, and what could not be said."""

    firewalls: tuple[Firewall, ...]
    rules: tuple[RuleLine, ...]
    total: int
    next: str | None
    gaps: tuple[str, ...]


class RuleAsked(Asked):
    """Which rule is asked for."""

    graph: str = Field(max_length=253, description="The graph it is of.")
    key: str = Field(max_length=1000, description="Its key in the graph, as the list has it.")


class RuleUnsaid(View):
    """What one policy does not say of a rule."""

    policy: str
    unsaid: Unsaid


class Rule(View):
    """One rule: whom it is bound to, the policies it became, and what they do not say."""

    line: RuleLine
    policies: tuple[PolicyLine, ...]
    unsaid: tuple[RuleUnsaid, ...]
    gaps: tuple[str, ...]


def rules(seen: Seen, asked: Listing) -> Rules:
    """Return the list."""
    found = (
        (f"{graph}|{key}", f"{row.firewall} {one_line(row.rule)}")
        for graph, index in seen.rows.graphs.items()
        for key, row in sorted(index.rules.items())
        if not row.dropped
    )
    keys, following, total = cut(found, asked)
    places = [key.partition("|") for key in keys]
    return Rules(
        firewalls=tuple(_firewalls(seen)),
        rules=tuple(_line(seen, graph, key) for graph, _, key in places),
        total=total,
        next=following,
        gaps=seen.gaps,
    )


def rule(seen: Seen, asked: RuleAsked) -> Rule:
    """Return one rule; raise NotHere if it is not in force."""
    index = seen.rows.graphs.get(asked.graph)
    row = index.rules.get(asked.key) if index else None
    if index is None or row is None or row.dropped:
        raise NotHere("no such rule is said now")
    line = _line(seen, asked.graph, asked.key)
    made = sorted(index.ends(asked.key)) if line.in_force else []
    unsaid = seen.rows.unsaid.get(line.text, [])
    return Rule(
        line=line,
        policies=tuple(
            policy_line(seen, key) for key in made[:MOST_POLICIES] if key in seen.rows.wanted
        ),
        unsaid=tuple(
            RuleUnsaid(policy=key, unsaid=say(each)) for key, each in unsaid[:MOST_POLICIES]
        ),
        gaps=seen.gaps,
    )


def rules_about(seen: Seen, key: str) -> tuple[RuleLine, ...]:
    """Return the rules with an end that covers the address of a pod or an identity."""
    return tuple(
        _line(seen, graph, rule)
        for graph, index in seen.rows.graphs.items()
        if (row := index.pods.get(key)) and row.pod.address
        for rule in sorted(index.covering(row.pod.address))[:MOST_POLICIES]
    )


def _firewalls(seen: Seen) -> Iterator[Firewall]:
    for graph, index in seen.rows.graphs.items():
        counted = Counter(row.firewall for row in index.rules.values() if not row.dropped)
        owners = {row.pod.uid: short(row.pod.key) for row in index.pods.values()}
        for name, firewall in sorted(index.firewalls.items()):
            yield Firewall(
                graph=graph,
                firewall=name,
                default_action=str(firewall.default_action),
                ordered=firewall.ordered,
                owner=owners.get(firewall.owner, firewall.owner),
                rules=counted[name],
            )


def _line(seen: Seen, graph: str, key: str) -> RuleLine:
    index = seen.rows.graphs[graph]
    row = index.rules[key]
    text = one_line(row.rule)
    source = _bound(seen, index, key, End.SOURCE, row.rule.source)
    destination = _bound(seen, index, key, End.DESTINATION, row.rule.destination)
    in_force = not {source.state, destination.state} & set(_MADE_NOTHING)
    reasons = Counter((each.reason, each.errs) for _, each in seen.rows.unsaid.get(text, ()))
    return RuleLine(
        graph=graph,
        key=key,
        firewall=row.firewall,
        text=text,
        action=str(row.rule.action),
        source=source,
        destination=destination,
        in_force=in_force,
        policies=len(index.ends(key)) if in_force else 0,
        unsaid=tuple(f"{reason} {errs} ({n})" for (reason, errs), n in sorted(reasons.items())),
    )


def _bound(seen: Seen, index: GraphIndex, key: str, end: End, names: str) -> Bound:
    if not is_exact(names):
        return Bound(names=names, state="range", kind="", pod="")
    uid = index.uid(key, end)
    if uid is None:
        strange = not minus(around(names), seen.judging.outside)
        return Bound(names=names, state="outside" if strange else "parked", kind="", pod="")
    holder = index.holder(names)
    if holder is None or holder.uid != uid:
        return Bound(names=names, state="gone", kind="", pod="")
    return Bound(names=names, state="bound", kind=seen.rows.kind(holder.key), pod=holder.key)


PAGES = (
    Page("/rules", "rules.html", rules, Listing, Rules),
    Page("/rule", "rule.html", rule, RuleAsked, Rule, ("stored",)),
)
