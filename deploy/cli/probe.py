"""vereflow probe: ask the kernel whether a packet from one pod reaches another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from agents.asking.reaching import Port, find_pod, parse_port
from agents.asking.stored import Stored
from deploy.cli.answers import NO, plain_errors
from deploy.cli.endpoints import read_endpoints, settings_of
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.showing import Format, show
from deploy.cli.stored import read_stored
from deploy.local.packets.lacking import lacking
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import Probe, Seen, Verdict, probe_twice
from streams.records.rules import Protocol

_PING = "ICMP"
_MEANING = {
    Verdict.OPEN: "it was answered",
    Verdict.REFUSED: "it arrived, but nothing listens there",
    Verdict.REJECTED: "it was sent back on the way",
    Verdict.DROPPED: "it got no answer",
}


class _Answer(NamedTuple):
    source: str
    destination: str
    port: Port | None
    seen: Seen

    @property
    def arrived(self) -> bool:
        return self.seen.verdict in (Verdict.OPEN, Verdict.REFUSED)

    def as_data(self) -> dict[str, Any]:
        return {
            "from": self.source,
            "to": self.destination,
            "port": self.port.text if self.port else _PING,
            "verdict": self.seen.verdict.value,
            "arrived": self.arrived,
            "seconds": round(self.seen.seconds, 6),
        }


def probe(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A pod: pod-a or default/pod-a.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="Another pod, or an address.")],
    port: Annotated[
        str | None, typer.Argument(metavar="[PORT]", help="80 (TCP) or 53/UDP; a ping if absent.")
    ] = None,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """Send a real packet, with `vereflow up --packets`; exit 1 if it does not arrive.

    Example: vereflow probe pod-a pod-b 80
    """
    with plain_errors():
        asked = _parse(port)
        cluster = settings_of(endpoints).cluster
        folder = _packets(endpoints, cluster.name)
        stored = asyncio.run(read_stored(cluster))
        one, (two, address) = find_pod(stored, source), _find(stored, destination)
        answer = _Answer(one, two, asked, _ask(folder, stored, one, address, asked))
    show(answer.as_data(), output, lambda: _sentence(answer))
    raise typer.Exit(0 if answer.arrived else NO)


def _parse(port: str | None) -> Port | None:
    asked = parse_port(port) if port is not None else None
    if asked is not None and asked.protocol is Protocol.SCTP:
        raise ValueError("only TCP, UDP and pings can be sent")
    return asked


def _find(stored: Stored, destination: str) -> tuple[str, str]:
    """Return who is meant, and his address: pods of another cluster have no more than that."""
    with suppress(ValueError):
        return destination, str(IPv4Address(destination))
    pod = find_pod(stored, destination)
    return pod, _address(stored, pod)


def _address(stored: Stored, pod: str) -> str:
    return str(stored.pods[pod]["status"]["podIP"])


def _packets(endpoints: Path | None, cluster: str) -> Path:
    if lacks := lacking():
        raise ValueError(lacks)
    folder = read_endpoints(endpoints).packets_of(cluster) if endpoints is not None else None
    if folder is None:
        raise ValueError("no packets here: name the --endpoints of a `vereflow up --packets`")
    return folder


def _ask(folder: Path, stored: Stored, source: str, destination: str, port: Port | None) -> Seen:
    link = link_of(folder, *source.split("/"))
    try:
        namespace = Namespace.at(link)
    except OSError as error:
        raise ValueError(f"{source} has no network namespace here: {error}") from error
    try:
        flow = (str(port.protocol), port.number) if port else (_PING,)
        return probe_twice([Probe(namespace, _address(stored, source), destination, *flow)])[0]
    finally:
        namespace.close()


def _sentence(answer: _Answer) -> Iterator[str]:
    verdict, seconds = answer.seen
    said = "yes" if answer.arrived else "no"
    what = answer.port.text if answer.port else "ping"
    took = "" if verdict is Verdict.DROPPED else f" after {seconds * 1000:.1f} ms"
    pair = f"{answer.source} -> {answer.destination}"
    yield f"{said}: {what} {pair}: {verdict}, {_MEANING[verdict]}{took}"
