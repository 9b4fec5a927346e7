"""Find a running system: the endpoints file of `vereflow up`, or the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.hooks import call_hook
from streams.settings import Settings, load


class Endpoints(dict[str, Any]):
    """What the endpoints file says."""


def read_endpoints(path: Path) -> Endpoints:
    """Read the file; raise ValueError if it is not one."""
    try:
        told = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; is `vereflow up` running?") from error
    except ValueError as error:
        raise ValueError(f"{path}: not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("broker"), str):
        raise ValueError(f"{path}: not an endpoints file")
    return Endpoints(told)


def settings_of(path: Path | None) -> Settings:
    """Return the settings under which a running system is reached, its broker's hook called."""
    if path is None:
        return load()
    told = read_endpoints(path)
    if told.get("brokerHook"):
        call_hook(told["brokerHook"])
    settings = load()
    return load(
        kafka=settings.kafka.model_dump() | {"broker": told["broker"]},
        cluster=settings.cluster.model_dump() | {"kubeconfig": told["kube"]["kubeconfig"] or None},
        verefoo=settings.verefoo.model_dump() | {"url": told["verefoo"]["url"]},
        graph=settings.graph.model_dump() | {"id": told["verefoo"]["graph"]},
    )
