"""Pods reach each other until a ruleset says no, and nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from deploy.local.packets import probing
from deploy.local.packets.namespaces import CommandFailed, Namespace
from deploy.local.packets.network import PodNetwork, link_of
from deploy.local.packets.probing import Probe, Verdict, probe_all, probe_twice
from tests.integration.packets.conftest import PODS
from tests.integration.packets.crowd import DENY_ALL, Crowd, echoed
from tests.real import needs_packets
from tests.unit.local.packets.worlds import pod, policy

pytestmark = needs_packets

B_ONLY = {"podSelector": {"matchLabels": {"app": "b"}}}
C_ONLY = {"podSelector": {"matchLabels": {"app": "c"}}}
# A packet that gets through is soon answered, here and even on a busy machine.
SOON, LATE = 1.0, 60.0


@pytest.mark.parametrize("flow", [("TCP", 80), ("TCP", 8080), ("UDP", 53), ("ICMP", 0)])
async def test_pods_reach_each_other_exactly_while_nothing_forbids_it(
    crowd: Crowd, flow: tuple[str, int]
) -> None:
    before = await crowd.see("a", "b", *flow)
    await crowd.enforce(DENY_ALL)
    meanwhile = await crowd.drops("a", "b", *flow)
    await crowd.enforce()
    after = await crowd.see("a", "b", *flow)

    assert (before, meanwhile, after) == (Verdict.OPEN, True, Verdict.OPEN)


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
async def test_where_nobody_listens_a_packet_is_refused(crowd: Crowd, protocol: str) -> None:
    assert await crowd.see("a", "b", protocol, 99) is Verdict.REFUSED


async def test_a_pod_that_names_no_port_listens_where_the_web_does(crowd: Crowd) -> None:
    assert await crowd.see("a", "c", "TCP", 80) is Verdict.OPEN


async def test_an_address_outside_is_rejected_by_the_node(crowd: Crowd) -> None:
    outside = Probe(crowd.namespace("a"), crowd.address("a"), "192.0.2.7", "TCP", 80)

    assert (await asyncio.to_thread(probe_all, [outside]))[0].verdict is Verdict.REJECTED


async def test_a_copy_of_a_socket_in_a_process_being_started_disturbs_nobody(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[int] = []
    make = probing._socket

    def copied(probe: Probe) -> socket.socket:
        made = make(probe)
        copies.append(os.dup(made.fileno()))
        return made

    monkeypatch.setattr(probing, "_socket", copied)
    await crowd.enforce(policy("c", podSelector=C_ONLY["podSelector"], policyTypes=["Ingress"]))
    probes = [crowd.probe("a", "b"), crowd.probe("a", "c")]
    try:
        seen = await asyncio.to_thread(probe_all, probes)
    finally:
        for copy in copies:
            os.close(copy)

    assert [each.verdict for each in seen] == [Verdict.OPEN, Verdict.DROPPED]


async def test_a_probe_in_a_namespace_that_is_not_its_pods_is_an_error(crowd: Crowd) -> None:
    astray = Probe(crowd.namespace("b"), crowd.address("a"), crowd.address("b"), "TCP", 80)

    with pytest.raises(OSError, match="Cannot assign requested address"):
        probe_all([astray])


async def test_answers_pass_although_the_way_back_is_closed(crowd: Crowd) -> None:
    await crowd.enforce(policy(podSelector=B_ONLY["podSelector"], policyTypes=["Egress"]))
    connection = await crowd.connect("a", "b")

    assert await echoed(connection, b"there and back", LATE)
    assert await crowd.drops("b", "a")


async def test_a_new_deny_cuts_an_established_connection(crowd: Crowd) -> None:
    connection = await crowd.connect("a", "b")
    assert await echoed(connection, b"before", LATE)

    await crowd.enforce(DENY_ALL)
    assert not await echoed(connection, b"meanwhile", SOON)

    # TCP says again what was lost.
    await crowd.enforce()
    assert (
        await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 1024), LATE)
        == b"meanwhile"
    )


async def test_a_ruleset_that_cannot_be_read_leaves_the_last_one_in_force(crowd: Crowd) -> None:
    await crowd.enforce(DENY_ALL)

    with pytest.raises(CommandFailed, match="nft -f -"):
        await crowd.network.enforce("delete table ip vereflow\ntable ip vereflow { nonsense", set())

    assert await crowd.drops("a", "b")


async def test_an_address_is_free_when_its_pod_has_stopped(crowd: Crowd) -> None:
    await crowd.network.stop("uid-b")
    gone = await crowd.see("a", "b")
    await crowd.start(pod("reborn", crowd.address("b"), app="b"))
    again = await crowd.see("a", "b")

    assert gone is not Verdict.OPEN
    assert again is Verdict.OPEN


async def test_a_pod_that_no_ruleset_knows_yet_exchanges_nothing(
    crowd: Crowd, tmp_path: Path
) -> None:
    new = pod("d", "10.0.0.4", app="d")
    await crowd.network.start(new, "10.0.0.4")
    with closing(Namespace.at(link_of(tmp_path / "packets", "default", "d"))) as namespace:
        probes = [
            Probe(crowd.namespace("a"), crowd.address("a"), "10.0.0.4", "TCP", 80),
            Probe(namespace, "10.0.0.4", crowd.address("a"), "TCP", 80),
        ]
        unknown = await asyncio.to_thread(probe_all, probes)
        await crowd.start(new)
        known = await asyncio.to_thread(probe_twice, probes)

    assert Verdict.OPEN not in [each.verdict for each in unknown]
    assert [each.verdict for each in known] == [Verdict.OPEN, Verdict.OPEN]


async def test_a_pod_that_the_ruleset_knew_before_is_connected_when_it_starts(
    crowd: Crowd,
) -> None:
    await crowd.network.stop("uid-b")
    gone = await crowd.see("a", "b")

    await crowd.network.start(PODS[1], crowd.address("b"))

    assert gone is not Verdict.OPEN
    assert await crowd.see("a", "b") is Verdict.OPEN


async def test_a_pod_starts_once_and_stops_twice(crowd: Crowd) -> None:
    await crowd.start(PODS[1])
    assert await crowd.see("a", "b") is Verdict.OPEN

    await crowd.network.stop("uid-b")
    await crowd.network.stop("uid-b")


@pytest.mark.parametrize("address", ["", "10.0.0", "2001:db8::1", "10.0.0.9 dev lo\nlink del pod0"])
async def test_what_is_no_address_is_refused_and_leaves_nothing(
    crowd: Crowd, tmp_path: Path, address: str
) -> None:
    with pytest.raises(ValueError, match=r"permitted|cannot be empty|Expected 4"):
        await crowd.network.start(pod("d", address), address)

    assert not link_of(tmp_path / "packets", "default", "d").exists()
    assert await crowd.see("a", "b") is Verdict.OPEN


async def test_nothing_of_the_machine_itself_changes(tmp_path: Path) -> None:
    before = of_the_machine()

    async with Crowd(tmp_path / "packets", PODS) as crowd:
        await crowd.enforce(DENY_ALL)
        during = of_the_machine()
        node = tmp_path / "packets" / "node"
        inside = said("nsenter", f"--net={node}", "nft", "list", "ruleset")

    assert "table ip vereflow" in inside
    assert during == before
    assert of_the_machine() == before
    assert not (tmp_path / "packets").exists()


def of_the_machine() -> list[str]:
    commands = ("ip -o link", "ip route", "ip netns", "nft list ruleset")
    return [
        *(said(*each.split()) for each in commands),
        Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    ]


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_nothing_is_left_of_a_run_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    command = [sys.executable, "-m", "tests.integration.packets.standing", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == b"standing\n"
            inodes = {os.stat(each).st_ino for each in (folder / "node", *folder.glob("pods/*/*"))}
            assert len(inodes) == 1 + len(PODS)
            assert holders(inodes) == {run.pid}
        finally:
            run.kill()

    assert gone(inodes)


async def test_links_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    link = link_of(tmp_path, "default", "old")
    link.parent.mkdir(parents=True)
    link.symlink_to("/proc/1/fd/999999")

    async with PodNetwork(tmp_path):
        assert os.listdir(tmp_path) == ["node"]


def gone(inodes: set[int]) -> bool:
    deadline = time.monotonic() + LATE
    while (left := holders(inodes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


def holders(inodes: set[int]) -> set[int]:
    """Return the processes that are in one of these namespaces or have one open."""
    wanted = {f"net:[{inode}]" for inode in inodes}
    return {
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if not wanted.isdisjoint(targets(process))
    }


def targets(process: Path) -> Iterator[str]:
    for pattern in ("task/*/ns/net", "fd/*"):
        with suppress(OSError):
            for file in process.glob(pattern):
                # Files and whole processes come and go meanwhile.
                with suppress(OSError):
                    yield str(file.readlink())


def test_a_namespace_is_gone_with_who_holds_it() -> None:
    namespace = Namespace.new()
    inode = os.stat(namespace.path).st_ino
    assert holders({inode}) == {os.getpid()}

    namespace.close()

    assert gone({inode})
