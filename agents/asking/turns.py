"""Follow what one may send to another through the past: what opened it, what closed it, and when.

What decides is asked of the graph after each fact, exactly as an explanation asks it now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import NamedTuple

from agents.asking.explained import Said
from agents.asking.explaining import judge_in, orphaned_in, rules_about, who_allows, why_closed
from agents.asking.identities import policy_key
from agents.asking.moments import Moment, time_text
from agents.asking.naming import one_named
from agents.asking.reaching import Port
from agents.asking.rows import Rows
from agents.asking.view import View, short
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.records.cause import Cause, Source
from streams.records.ports import PortRange
from streams.records.rules import Action
from streams.records.views import PodRef
from streams.rules.deciding import Flow

MOST_TURNS = 200
# So far back, unless somebody says.
DAY = "1d"


class Course(NamedTuple):
    """What is followed: from whom to whom, by their keys or addresses, and since when."""

    source: str
    to: str
    port: Port | None
    since: Moment

    @property
    def port_text(self) -> str:
        """The port as it can be asked for again; empty: any."""
        return f"{self.port.number}/{self.port.protocol}" if self.port else ""


class Turn(View):
    """What one fact made of it: which way it turned, what decides since, and what did before.

    ``turn`` is opened or closed; still open or still closed, where something else decides; or how
    it was when the history begins, which has no cause.
    """

    at: str
    fact: int
    cause: str
    said: str
    turn: str
    allowed: bool
    why: str
    rules: tuple[Said, ...]
    before: tuple[Said, ...]


class Turns(View):
    """All that became of it, the newest first: ``facts`` were looked at, from ``begins`` on."""

    source: str
    to: str
    port: str
    begins: str
    facts: int
    turns: tuple[Turn, ...]
    more: bool


class _State(NamedTuple):
    """What decides at a moment; ``absent`` are ends that are not there."""

    allowed: bool = False
    why: str = ""
    rules: tuple[Said, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def decided(self) -> tuple[object, ...]:
        """What makes one state another; a rule that is said once more is no other."""
        told = frozenset((each.firewall, each.text) for each in self.rules)
        return self.allowed, self.absent, told


class Follower:
    """Looks at one graph after each fact that may matter."""

    def __init__(self, graph: str, course: Course, judging: Judging) -> None:
        self._graph = graph
        self._course = course
        self._judging = judging
        self._state: _State | None = None
        self.turns: deque[tuple[Turn, Cause | None]] = deque(maxlen=MOST_TURNS)
        self.more = False

    def concerns(self, spoken_of: Collection[str]) -> bool:
        """Tell whether what was said of these may matter; of an address, it is not known whose."""
        ends = self._course.source, self._course.to
        return bool(spoken_of) and any(is_address(each) or each in spoken_of for each in ends)

    def look(self, index: GraphIndex, at: Source, cause: Cause | None) -> None:
        """See what decides now; without a cause it is how the history begins."""
        before, now = self._state, self._seen(index)
        if before is None and now.absent:
            # Nobody asks about a time before they were there.
            return
        self._state = now
        if before is not None and before.decided == now.decided:
            return
        turn = Turn(
            at=time_text(at.at) if at.at else "",
            fact=at.offset,
            cause=cause.text if cause else "",
            said="",
            turn=_turn(before, now, cause),
            allowed=now.allowed,
            why=now.why + _gone(index, before, now),
            rules=now.rules,
            before=_no_more(before, now),
        )
        self.more = self.more or len(self.turns) == MOST_TURNS
        self.turns.append((turn, cause))

    def _seen(self, index: GraphIndex) -> _State:
        course = self._course
        names = course.source, course.to
        ends = _end(index, course.source), _end(index, course.to)
        absent = tuple(
            name for name, end in zip(names, ends, strict=True) if not (end or is_address(name))
        )
        if absent:
            there = "are" if len(absent) > 1 else "is"
            return _State(
                why=f"{' and '.join(map(short, absent))} {there} not there.", absent=absent
            )
        flow = _flow(course.port)
        judged = judge_in(self._graph, index, ends, names, flow, self._judging)
        if judged is None:
            return _State(why="The graph knows neither of them.", absent=names)
        allowed = judged.decision.allowed
        about = tuple(rules_about(judged, allowed))
        deciding = tuple(each for each in about if each.decides)
        if allowed:
            return _State(True, f"{who_allows(deciding)} allows it.", deciding)
        return _State(False, why_closed(about, orphaned_in(judged)), deciding)


def key_of(rows: Rows, name: str) -> str:
    """Return the key by which graphs know a pod or an identity, as it is or was; an address is one.

    Raise ValueError if nobody is meant, or several may be.
    """
    if is_address(name):
        return name
    graphs = rows.graphs.values()
    known = {key for each in graphs for key, row in each.pods.items() if not row.pod.service}
    if found := one_named(known, name):
        return found
    pod = one_named(rows.pods, name)
    if pod is None:
        raise ValueError(f"nothing is known of {name!r}: name a pod, an identity or an address")
    return policy_key(rows.pods[pod].pod)


def _flow(port: Port | None) -> Flow:
    return Flow((port.protocol,), PortRange(port.number, port.number)) if port else Flow()


def _end(index: GraphIndex, name: str) -> PodRef | None:
    if is_address(name):
        found = index.holder(name)
        return found if found is not None and found.service is None else None
    row = index.pods.get(name)
    return row.pod if row is not None and row.live and index.holds(row.pod) else None


def is_address(name: str) -> bool:
    """Tell whether an end of a flow is an address, and no key."""
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True


def _turn(before: _State | None, now: _State, cause: Cause | None) -> str:
    state = "open" if now.allowed else "closed"
    if cause is None:
        return state
    if before is not None and before.allowed is now.allowed:
        return f"still {state}"
    return "opened" if now.allowed else "closed"


def _no_more(before: _State | None, now: _State) -> tuple[Said, ...]:
    texts = {(each.firewall, each.text) for each in now.rules}
    return tuple(_others(before.rules, texts)) if before is not None else ()


def _others(rules: Iterable[Said], texts: set[tuple[str, str]]) -> Iterator[Said]:
    for each in rules:
        if (each.firewall, each.text) not in texts:
            yield each.model_copy(update={"decides": False})


def _gone(index: GraphIndex, before: _State | None, now: _State) -> str:
    """Say whose absence closes it: what allowed it before, and is said no more."""
    if now.allowed or now.rules or now.absent or before is None:
        return ""
    gone = [each.text for each in before.rules if _is_gone(index, each)]
    return f" Rule {gone[0]}, which allowed it, is gone." if gone else ""


def _is_gone(index: GraphIndex, said: Said) -> bool:
    row = index.rules.get(said.key)
    return said.action == Action.ALLOW and (row is None or row.dropped)
