"""The options that all commands share which start a local world, and what to say meanwhile."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.local.kubernetes.apiserver import binary
from deploy.local_cluster import APISERVER
from deploy.world import Plan

Broker = Annotated[
    str, typer.Option(help="embedded; kafka, kafka:3 or kafka:secured, our own; or HOST:PORT.")
]


def starting(plan: Plan) -> str:
    """Return what is done until the world is ready; the first build of one part takes minutes."""
    parts = "starting broker, API server, Verefoo and "
    parts += "workers" if plan.workers else "a node"
    if plan.kube == APISERVER and not binary.kept().exists():
        return f"building kube-apiserver and etcd, this once: some minutes; then {parts}"
    return parts
