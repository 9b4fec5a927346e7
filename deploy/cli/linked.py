"""Which links between clusters, and subnets of theirs, mean others as well, by pods' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from streams.flow.crossing import Link, Networks
from streams.records.addresses import matches
from streams.records.views import PodRef


def mistaken(links: Sequence[Link], pods: Iterable[PodRef]) -> list[str]:
    """Return whom a link's addresses mean that is not of the cluster that it is about.

    Under which addresses packets arrive nobody here sees: a link that lets in nobody is not found.
    """
    known = [pod for pod in pods if pod.service is None]
    return [each for link in links for each in _of_link(link, links, known)]


def astray(subnets: Mapping[str, str], pods: Iterable[PodRef]) -> Iterator[str]:
    """Yield whom a cluster's subnet means besides its own pods, and whom of these it does not."""
    for pod in pods:
        if pod.service is not None or not pod.address:
            continue
        for cluster, subnet in sorted(subnets.items()):
            means = matches(subnet, pod.address)
            if means and pod.cluster != cluster:
                yield f"{subnet} of {cluster} means {pod.key} too"
            elif pod.cluster == cluster and not means:
                yield f"{subnet} of {cluster} does not mean {pod.key}, at {pod.address}"


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
