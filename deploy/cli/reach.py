"""vereflow reach: who reaches whom under all stored NetworkPolicies, and who is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from agents.asking.plain import plain
from agents.asking.reaching import Answer, find_pod, judge, parse_port
from agents.asking.stored import ON_HOST, Stored
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.endpoints import settings_of
from deploy.cli.matrix import as_data, drawn
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.showing import Format, show, table
from deploy.cli.stored import read_stored
from streams.policy.flows import Flows
from streams.policy.reach import Reach

_HEADERS = ("FROM", "TO", "REACHES")
# More columns than this do not fit side by side.
_MOST_COLUMNS = 6


def reach(
    source: Annotated[
        str | None, typer.Argument(metavar="FROM", help="A pod: pod-a or default/pod-a.")
    ] = None,
    destination: Annotated[str | None, typer.Argument(metavar="TO", help="Another pod.")] = None,
    port: Annotated[
        str | None, typer.Argument(metavar="PORT", help="80 (TCP), 53/UDP or 9899/SCTP.")
    ] = None,
    square: Annotated[
        bool, typer.Option("--matrix", help="All pods as a square, a letter for the ports of each.")
    ] = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """Say who reaches whom, whoever wrote the policies; exit 1 if FROM does not reach TO.

    Example: vereflow reach pod-a pod-b 80
    """
    with plain_errors():
        if square and source is not None:
            raise ValueError("--matrix is of all pods: leave out FROM")
        asked = parse_port(port) if port is not None else None
        stored = asyncio.run(read_stored(settings_of(endpoints).cluster))
        one = find_pod(stored, source) if source is not None else ""
        two = find_pod(stored, destination) if destination is not None else ""
    left_out = (f"{name} is left out: it {ON_HOST}" for name in stored.on_host)
    warn(map(plain, [*stored.notes, *left_out]))
    if square:
        _show_square(stored, output)
    elif not one:
        _show_all(stored, output)
    elif not two:
        _show_from(stored, one, output)
    else:
        answer = judge(stored, one, two, asked)
        show(answer.as_data(), output, lambda: _sentences(answer))
        raise typer.Exit(0 if answer.yes else NO)


def _show_all(stored: Stored, output: Format) -> None:
    flows = Flows(stored.pods, stored.policies, stored.labels)
    found = {(source, destination): Reach(ports) for source, destination, ports in flows}
    listed = [{"from": one, "to": two, "ports": each.text} for (one, two), each in found.items()]
    content = {"pods": [*stored.pods], "reach": listed}
    show(content, output, lambda: [_matrix(stored, found)])


def _show_square(stored: Stored, output: Format) -> None:
    flows = Flows(stored.pods, stored.policies, stored.labels)
    found = {(source, to): Reach(ports).text or "ICMP" for source, to, ports in flows}
    names = [*stored.pods]
    show(as_data(names, found), output, lambda: drawn(names, found))


def _show_from(stored: Stored, source: str, output: Format) -> None:
    answers = [judge(stored, source, each) for each in stored.pods if each != source]
    rows = [(each.destination, each.both.text or "-", "; ".join(each.in_the_way))
            for each in answers]  # fmt: skip
    content = {"from": source, "reach": [each.as_data() for each in answers]}
    show(content, output, lambda: [table(("TO", "REACHES", "IN THE WAY"), rows)])


def _matrix(stored: Stored, found: dict[tuple[str, str], Reach]) -> Table:
    names = [*stored.pods]
    if len(names) > _MOST_COLUMNS:
        return table(_HEADERS, [(one, two, each.text) for (one, two), each in found.items()])
    rows = [
        (one, *("itself" if one == two else _text(found.get((one, two))) for two in names))
        for one in names
    ]
    return table(("FROM \\ TO", *(name.partition("/")[2] for name in names)), rows)


def _text(reach: Reach | None) -> str:
    return reach.text if reach is not None else "-"


def _sentences(answer: Answer) -> Iterator[str]:
    asked = f"{answer.port.text} " if answer.port else ""
    pair = f"{answer.source} -> {answer.destination}"
    if answer.yes:
        yield f"yes: {asked}{pair}; all that gets through: {answer.both.text}"
    else:
        yield f"no: {asked}{pair}"
        yield from answer.in_the_way
