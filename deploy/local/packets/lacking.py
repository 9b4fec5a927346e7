"""What this machine lacks for real packets, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys

from deploy.local.packets.namespaces import Namespace

_PACKAGES = {"nft": "nftables", "ip": "iproute2"}


def lacking() -> str:
    """Return what is missing as one sentence; nothing if real packets are possible here."""
    if not sys.platform.startswith("linux"):
        return "real packets need Linux: their pods are its network namespaces"
    if os.geteuid() != 0:
        return "real packets need root, for network namespaces and nftables: run it with sudo"
    absent = [package for command, package in _PACKAGES.items() if not shutil.which(command)]
    if absent:
        return f"real packets need {' and '.join(absent)}: apt-get install {' '.join(absent)}"
    try:
        Namespace.new().close()
    except OSError as error:
        return f"real packets need network namespaces, and this machine gives none: {error}"
    return ""
