"""Which links between clusters mean others as well, by the addresses that pods have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from streams.flow.crossing import Link, Networks
from streams.records.views import PodRef


def mistaken(links: Sequence[Link], pods: Iterable[PodRef]) -> list[str]:
    """Return whom a link's addresses mean that is not of the cluster that it is about.

    Under which addresses packets arrive nobody here sees: a link that lets in nobody is not found.
    """
    known = [pod for pod in pods if pod.service is None]
    return [each for link in links for each in _of_link(link, links, known)]


def _of_link(link: Link, links: Sequence[Link], pods: Sequence[PodRef]) -> Iterator[str]:
    source, destination = link.source, link.destination
    # Who is met under its own address: neighbours, and pods of clusters that are routed there.
    arriving = {each.source for each in links if each.destination == destination and not each.seen}
    reached = {each.destination for each in links if each.source == source and not each.dialled}
    for side, networks, clusters in (
        ("seen", link.seen, {destination, *arriving}),
        ("dialled", link.dialled, {source, *reached}),
    ):
        for address, pod in _within(networks or (), pods):
            if pod.cluster in clusters:
                yield f"{source} -> {destination}: {side} means {address} too, {pod.key}'s"


def _within(networks: Networks, pods: Sequence[PodRef]) -> Iterator[tuple[str, PodRef]]:
    spaces = [ip_network(each) for each in networks]
    for pod in pods:
        own = pod.aliases if pod.identity is not None else (pod.address,)
        for address in own:
            if address and any(ip_address(address) in space for space in spaces):
                yield address, pod
