"""Find a running system: what the options name, the endpoints file of `vereflow up`, settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from agents.asking.workers import Answers, Kinds, ask_workers
from deploy.hooks import call_hook
from deploy.web_access import connect_of
from streams.settings import Settings, load
from streams.settings_graph import Link
from streams.settings_values import check_url


class Part(BaseModel):
    """A part of the endpoints file; what newer versions add is ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class KubePart(Part):
    """Where the API server is."""

    server: str = ""
    kubeconfig: str = ""


class ClusterPart(KubePart):
    """Where one of several clusters is, and the network namespaces of its pods."""

    packets: Path | None = None


class VerefooPart(Part):
    """Where Verefoo is, and the graph's number there."""

    url: str
    graph: int


class LoginPart(Part):
    """How the broker is logged in to: the password itself is in a file of its own."""

    prefix: str
    tls: bool
    ca: Path
    user: str
    password_file: Path
    mechanism: str


class Endpoints(Part):
    """What the endpoints file says."""

    kube: KubePart
    broker: str
    verefoo: VerefooPart
    web: tuple[str, ...] = ()
    broker_hook: str = ""
    login: LoginPart | None = None
    packets: Path | None = None
    identity: str | None = None
    clusters: dict[str, ClusterPart] = {}
    links: tuple[Link, ...] = ()
    subnets: dict[str, str] = {}

    def packets_of(self, cluster: str) -> Path | None:
        """Return where the network namespaces of a cluster's pods are, if they are any."""
        told = self.clusters.get(cluster)
        return told.packets if told else self.packets


class Running(NamedTuple):
    """A running system: how its parts are reached, and its workers' web servers."""

    settings: Settings
    web: tuple[str, ...]


def find(path: Path | None, web: Sequence[str] | None) -> Running:
    """Return where everything is; raise ValueError for any mistake."""
    named = tuple(check_url(url) for url in web or ())
    told = read_endpoints(path) if path is not None else None
    settings = _settings(told)
    urls = named or (told.web if told is not None else ()) or (settings.web.url,)
    return Running(settings, tuple(dict.fromkeys(urls)))


def settings_of(path: Path | None) -> Settings:
    """Return the settings under which a running system is reached, its broker's hook called."""
    return find(path, ()).settings


async def ask_all(running: Running, tables: Kinds) -> Answers:
    """Return what the workers say and hold; raise NobodyAnswers if none does, NoLogin."""
    return await ask_workers(running.web, tables, connect_of(running.settings.web))


def read_endpoints(path: Path) -> Endpoints:
    """Read the file; raise ValueError if it is not one."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; is `vereflow up` running?") from error
    try:
        told = Endpoints.model_validate_json(text)
        return told.model_copy(update={"web": tuple(check_url(url) for url in told.web)})
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise ValueError(f"{path}: not JSON") from error
        raise ValueError(f"{path}: not an endpoints file") from error


def _settings(told: Endpoints | None) -> Settings:
    settings = load()
    if told is None:
        return settings
    if told.broker_hook:
        call_hook(told.broker_hook)
    login = told.login.model_dump() if told.login else {}
    nodes = {"identity": told.identity} if told.identity else {}
    graph: dict[str, object] = {"id": told.verefoo.graph}
    home, apart = {"kubeconfig": told.kube.kubeconfig or None}, {}
    if told.clusters:
        home, apart = _home(told, settings.cluster.name), {"part": "core"}
        graph |= {
            "clusters": tuple(told.clusters),
            "links": told.links,
            "subnets": told.subnets,
        }
    return load(
        kafka=settings.kafka.model_dump() | {"broker": told.broker} | login,
        cluster=settings.cluster.model_dump() | home | nodes,
        verefoo=settings.verefoo.model_dump() | {"url": told.verefoo.url},
        graph=settings.graph.model_dump() | graph,
        **apart,
    )


def _home(told: Endpoints, wished: str) -> dict[str, str | None]:
    """Return the cluster that is set, or else the first one."""
    name = wished if wished in told.clusters else next(iter(told.clusters))
    return {"name": name, "kubeconfig": told.clusters[name].kubeconfig}
