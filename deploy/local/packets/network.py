"""A node and its pods: one namespace that routes, and one for each pod with its address."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

from deploy.local.packets.echo import Echo
from deploy.local.packets.namespaces import CommandFailed, Namespace
from deploy.local.packets.objects import ContainerPort, container_ports

Json = dict[str, Any]

# A pod's only neighbour. Routed, not bridged: a bridge with many pods outgrows the kernel's
# table of neighbours.
_GATEWAY = "169.254.1.1"
# Who asks often is answered as often; otherwise a refusal now and then looks like a drop.
_EVERY_REFUSAL = ("ipv4/icmp_ratemask", "0")
_BATCH = ("ip", "-batch", "-")
#: What a pod listens on that does not say it.
_USUAL_PORTS = (ContainerPort("TCP", 80),)


class _Home(NamedTuple):
    namespace: Namespace
    device: str
    link: Path
    echo: Echo


class PodNetwork:
    """Pods by uid; no packet leaves the namespaces made here.

    In ``folder`` stand links for other programs: `node`, and `pods/NAMESPACE/NAME`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._homes: dict[str, _Home] = {}
        self._unconnected: dict[str, str] = {}
        self._known: Collection[str] = ()
        self._numbers = count()
        self._node: Namespace

    async def __aenter__(self) -> Self:
        # Links of a process that was killed lead nowhere, or to somebody else.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._node = await asyncio.to_thread(_new_node)
        _link(self._folder / "node", self._node)
        return self

    async def __aexit__(self, *_: object) -> None:
        for uid in tuple(self._homes):
            await self.stop(uid)
        shutil.rmtree(self._folder)
        self._node.close()

    async def enforce(self, ruleset: str, known: Collection[str]) -> None:
        """Let the node judge packets by this ruleset, which knows these pods, from now on."""
        await asyncio.to_thread(self._node.run, ("nft", "-f", "-"), ruleset)
        self._known = known
        await self._connect()

    async def start(self, pod: Json, address: str) -> None:
        """Give a pod its namespace, with an echo on its container ports; once is enough.

        It is connected once a ruleset knows it: no pod is open because it is new. Raise
        ValueError for what is no address.
        """
        about = pod["metadata"]
        if about["uid"] in self._homes:
            return
        host, device = IPv4Address(address), f"pod{next(self._numbers)}"
        namespace = await asyncio.to_thread(_new_pod, self._node, device, host)
        link = link_of(self._folder, about["namespace"], about["name"])
        home = _Home(namespace, device, link, Echo())
        self._homes[about["uid"]] = home
        # A device that is down has no routes.
        up = f"link set {device} up\nroute replace {host}/32 dev {device}\n"
        self._unconnected[about["uid"]] = up
        _link(link, namespace)
        ports = tuple(container_ports(pod.get("spec") or {})) or _USUAL_PORTS
        home.echo.listen(namespace, ports)
        await self._connect()

    async def stop(self, uid: str) -> None:
        """Take a pod's namespace away; its address is free when this returns."""
        home = self._homes.pop(uid, None)
        self._unconnected.pop(uid, None)
        if home is None:
            return
        home.echo.close()
        home.link.unlink(missing_ok=True)
        # With the namespace it goes as well, but only some time later.
        with suppress(CommandFailed):
            await asyncio.to_thread(self._node.run, _BATCH, f"link del {home.device}\n")
        home.namespace.close()

    async def _connect(self) -> None:
        new = [uid for uid in self._unconnected if uid in self._known]
        if new:
            commands = "".join(self._unconnected[uid] for uid in new)
            await asyncio.to_thread(self._node.run, _BATCH, commands)
        for uid in new:
            self._unconnected.pop(uid, None)


def link_of(folder: Path, namespace: str, name: str) -> Path:
    """Return the file that stands for a pod's network namespace."""
    return folder / "pods" / namespace / name


def _new_node() -> Namespace:
    node = Namespace.new()
    node.set_kernel("ipv4/ip_forward", "1")
    node.set_kernel(*_EVERY_REFUSAL)
    node.run(_BATCH, "link set lo up\n")
    return node


def _new_pod(node: Namespace, device: str, address: IPv4Address) -> Namespace:
    """Return a new namespace with this address, at the other end of a device of the node."""
    pod = Namespace.new()
    try:
        node.run(
            _BATCH,
            f"link add {device} type veth peer name eth0 netns {pod.path}\n"
            f"addr add {_GATEWAY}/32 dev {device}\n",
        )
        pod.run(
            _BATCH,
            "link set lo up\n"
            f"addr add {address}/32 dev eth0\n"
            "link set eth0 up\n"
            f"route add {_GATEWAY}/32 dev eth0\n"
            f"route add default via {_GATEWAY}\n",
        )
        # Whoever may enter may ping, as in a pod that containerd makes.
        pod.set_kernel("ipv4/ping_group_range", "0 2147483647")
        pod.set_kernel(*_EVERY_REFUSAL)
    except BaseException:
        pod.close()
        raise
    return pod


def _link(link: Path, namespace: Namespace) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(namespace.path)
