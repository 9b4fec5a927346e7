"""Join networks of pods by a router, which may hide one behind an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.local.packets.namespaces import Namespace

_BATCH = ("ip", "-batch", "-")


class Side(NamedTuple):
    """One network: where its node is, the addresses of its pods, and what hides them if it does."""

    name: str
    folder: Path
    pods: str
    hidden_behind: str = ""


@contextmanager
def joined(*sides: Side) -> Iterator[None]:
    """Join networks for as long as it is open: the devices go with the router."""
    with closing(Namespace.new()) as router:
        router.set_kernel("ipv4/ip_forward", "1")
        for number, side in enumerate(sides):
            with closing(Namespace.at(side.folder / "node")) as node:
                _connect(router, node, side, f"10.255.{number}")
        router.run(("nft", "-f", "-"), _hiding(sides))
        yield


def _connect(router: Namespace, node: Namespace, side: Side, link: str) -> None:
    router.run(
        _BATCH,
        f"link add {side.name} type veth peer name out netns {node.path}\n"
        f"addr add {link}.1/30 dev {side.name}\n"
        f"link set {side.name} up\n",
    )
    node.run(
        _BATCH,
        f"addr add {link}.2/30 dev out\nlink set out up\nroute add default via {link}.1\n",
    )
    router.run(_BATCH, f"route add {side.pods} via {link}.2\n")


def _hiding(sides: tuple[Side, ...]) -> str:
    rules = [
        f"ip saddr {each.pods} oifname != {each.name} snat to {each.hidden_behind}"
        for each in sides
        if each.hidden_behind
    ]
    head = "type nat hook postrouting priority srcnat; policy accept;"
    return "\n".join(["table ip joined {", "chain out {", head, *rules, "}", "}", ""])
