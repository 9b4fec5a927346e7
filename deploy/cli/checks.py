"""Look at everything a worker needs, one part after the other's fault: what `doctor` says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from agents.asking.aliases import HELD, list_aliases
from agents.asking.workers import Kinds
from agents.clients.errors import NotLetIn, NotThere, Refused, Unproven
from agents.clients.kubernetes import Cluster, Listing
from agents.clients.verefoo import Verefoo
from deploy.allowing import allowances_of
from deploy.cli.answers import failures
from deploy.cli.broker import reach_broker
from deploy.cli.endpoints import Running, ask_all
from deploy.cli.linked import astray, mistaken
from deploy.cli.rights import (
    RIGHTS_AT_HOME,
    RIGHTS_ON_OWNERS,
    RIGHTS_ON_PODS,
    RIGHTS_ON_POLICIES,
    RIGHTS_TO_LABEL,
    Wrong,
    require_rights,
)
from deploy.cli.stored import ANSWER_WITHIN, cluster_of
from deploy.cli.taken import taken
from deploy.installation import read_epoch
from deploy.judging import judging_of
from deploy.login import client_options
from deploy.managing import namespaces_now
from deploy.placing import firewall_names
from deploy.provision import check as check_topics
from deploy.verefoo_login import verefoo_client
from streams.flow.graph_rows import PodsRow
from streams.flow.identity_rows import IdentitiesRow
from streams.settings import ClusterSettings, Settings
from streams.topics import specs
from tables.catalog import tables_of

_WITHIN = 40.0
_GIVE = "give our account this right"
_MOST_TAKEN = 5


class Finding(NamedTuple):
    """What one look found."""

    what: str
    ok: bool
    detail: str
    todo: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {"check": self.what, "ok": self.ok, "detail": self.detail, "do": self.todo}


Look = Callable[[Running], Awaitable[str]]


class Check(NamedTuple):
    """One look: what it needs, and what to do if what is looked at is not well."""

    what: str
    look: Look
    todo: str
    needs: str = ""


async def examine(running: Running) -> list[Finding]:
    """Look at everything this part needs at once; return what was found, in one order."""
    needed = _needed(running.settings)
    groups = await asyncio.gather(*(_in_turn(running, checks) for checks in needed))
    return [_settings(running.settings), *(finding for group in groups for finding in group)]


async def _in_turn(running: Running, checks: Sequence[Check]) -> list[Finding]:
    found: dict[str, Finding] = {}
    for check in checks:
        needed = found.get(check.needs)
        if needed is None or needed.ok:
            found[check.what] = await _looked(running, check)
        else:
            detail = f"not known without: {check.needs}"
            found[check.what] = Finding(check.what, False, detail, "see above")
    return list(found.values())


async def _looked(running: Running, check: Check) -> Finding:
    try:
        async with asyncio.timeout(_WITHIN):
            return Finding(check.what, True, await check.look(running))
    except Wrong as error:
        return Finding(check.what, False, str(error), error.todo)
    except failures() as error:
        return Finding(check.what, False, str(error) or type(error).__name__, check.todo)


def _settings(settings: Settings) -> Finding:
    told = settings.cluster
    managed = " and those that are ".join(
        each for each in (", ".join(told.namespaces), told.namespace_selector) if each
    )
    return Finding(
        "settings",
        True,
        f"instance {settings.instance}, part {settings.part}, graph {settings.graph.name}"
        f" of {', '.join(settings.clusters)}, cluster {told.name}, namespaces {managed}",
    )


async def _broker(running: Running) -> str:
    await reach_broker(running.settings)
    return running.settings.kafka.broker


async def _topics(running: Running) -> str:
    wanted = specs(running.settings, tables_of(running.settings))
    await check_topics(wanted, **client_options(running.settings.kafka))
    return f"{len(wanted)} topics, all with leaders"


async def _epoch(running: Running) -> str:
    epoch = await read_epoch(running.settings)
    if epoch is None:
        raise Wrong("this installation has none", "run `vereflow init`")
    return f"epoch {epoch}"


async def _api_server(running: Running) -> str:
    cluster = running.settings.cluster
    async with _cluster(running) as client:
        version = await client.version()
        await require_rights(client, RIGHTS_AT_HOME, [cluster.own_namespace])
        return version


async def _pods(running: Running) -> str:
    async with _cluster(running) as cluster:
        told = running.settings.cluster
        namespaces = await _namespaces(cluster, told)
        found = await _counted(namespaces, cluster.list_pods)
        labels = RIGHTS_TO_LABEL if told.selection == "label" else ()
        owners = RIGHTS_ON_OWNERS if told.identity == "workload" else ()
        await require_rights(cluster, (*RIGHTS_ON_PODS, *labels, *owners), namespaces)
        return found


async def _policies(running: Running) -> str:
    async with _cluster(running) as cluster:
        namespaces = await _namespaces(cluster, running.settings.cluster)
        found = await _counted(namespaces, lambda name: cluster.list_policies(name, ""))
        await require_rights(cluster, RIGHTS_ON_POLICIES, namespaces)
        return found


async def _identities(running: Running) -> str:
    settings = running.settings
    if settings.cluster.identity == "pod":
        return "nodes of the graph stand for pods"
    network = IPv4Network(settings.graph.identities)
    async with _cluster(running) as cluster:
        namespaces = await _namespaces(cluster, settings.cluster)
        pods = [await cluster.list_pods(each) for each in namespaces]
        services = [await cluster.list_services(each) for each in namespaces]
    found = taken(network, _items(pods), _items(services))
    if found:
        raise Wrong("; ".join(found[:_MOST_TAKEN]), "set graph.identities to what nobody has")
    return f"{settings.cluster.identity}s, {network.num_addresses - 2} addresses"


def _items(listings: Iterable[Listing]) -> list[dict[str, Any]]:
    return [each for listing in listings for each in listing.items]


async def _allowances(running: Running) -> str:
    told, said = running.settings.allowances, []
    async with _cluster(running) as cluster:
        namespaces = await namespaces_now(cluster, running.settings.cluster)
        for allowance in allowances_of(cluster, told):
            try:
                found = await allowance.read(namespaces)
            except (NotThere, Refused, ValueError) as error:
                what = f"{allowance.kind}: {error}"
                raise Wrong(what, "check allowances, and the rights in allowances.yaml") from error
            said.append(f"{allowance.kind} by {len(found.specs)} policies")
            said += found.untold
    if not told.dns:
        said.append("what is closed may not ask DNS: allowances.dns lets every pod")
    return ", ".join(said)


async def _namespaces(cluster: Cluster, told: ClusterSettings) -> list[str]:
    try:
        namespaces = await namespaces_now(cluster, told)
    except Refused as error:
        raise Wrong(str(error), _GIVE) from error
    if not namespaces:
        what = f"no namespace is {told.namespace_selector}"
        raise Wrong(what, "label one, or set cluster.namespace_selector")
    return namespaces


async def _counted(namespaces: Sequence[str], listing: Callable[[str], Awaitable[Listing]]) -> str:
    try:
        found = [await listing(each) for each in namespaces]
    except Refused as error:
        raise Wrong(str(error), _GIVE) from error
    there = sum(len(each.items) for each in found)
    return f"{there} in {len(found)} namespaces"


@asynccontextmanager
async def _cluster(running: Running) -> AsyncIterator[Cluster]:
    cluster = cluster_of(running.settings.cluster)
    try:
        yield cluster
    finally:
        await cluster.close()


async def _verefoo(running: Running) -> str:
    settings = running.settings
    async with verefoo_client(settings.verefoo) as http:
        verefoo, gid = Verefoo(http, ANSWER_WITHIN), settings.graph.id
        try:
            if gid is None:
                return f"{len(await verefoo.graphs())} graphs; ours is made at the first start"
            graph = await verefoo.graph(gid)
        except NotThere as error:
            todo = "set graph.id to the graph's number, or to none to have one made"
            raise Wrong(f"no graph {gid} at {settings.verefoo.url}", todo) from error
        except NotLetIn as error:
            raise Wrong(str(error), "have verefoo.token_file hold a token it accepts") from error
        except Unproven as error:
            raise Wrong(str(error), "set verefoo.ca to who vouches for it") from error
    names = firewall_names(settings.graph)
    found = {node.name for node in graph.nodes if graph.firewall(node.name)} & names
    return f"graph {gid} with {len(found)} firewalls, {settings.graph.placement}"


async def _aliases(running: Running) -> str:
    named = running.settings.graph.aliases
    if not named:
        return "no addresses of elsewhere are set"
    kinds: Kinds = {"identities": IdentitiesRow, "graph-pods": PodsRow}
    answers = await ask_all(running, kinds)
    rows = answers.rows("identities", IdentitiesRow)
    pods = answers.rows("graph-pods", PodsRow)
    found = {each["address"]: each for each in list_aliases(rows, pods)}
    states = {
        f"{address} for {name}": found[address]["state"]
        if address in found and found[address]["setFor"] == name
        else "not taken in"
        for address, name in sorted(named.items())
    }
    wrong = [f"{alias}: {state}" for alias, state in states.items() if state != HELD]
    if wrong:
        raise Wrong("; ".join(wrong[:_MOST_TAKEN]), "check graph.aliases")
    return f"{len(named)} addresses of elsewhere, each held"


async def _links(running: Running) -> str:
    links = judging_of(running.settings).links
    if not links:
        return "no clusters are linked"
    answers = await ask_all(running, {"graph-pods": PodsRow})
    known = (row.pod for row in answers.rows("graph-pods", PodsRow).values())
    pods = [each.pod for each in known if each is not None and each.live]
    wrong = [*mistaken(links, pods), *astray(running.settings.graph.subnets, pods)]
    if wrong:
        raise Wrong("; ".join(wrong[:_MOST_TAKEN]), "check graph.links and graph.subnets")
    return f"{len(links)}, of which no pod's address is wrong; what packets wear is not seen here"


async def _workers(running: Running) -> str:
    answers = await ask_all(running, {})
    wrong = [f"{url} does not answer: {why}" for url, why in sorted(answers.silent.items())]
    for url, told in sorted(answers.told.items()):
        if told.status.get("ready") is not True:
            reasons = "; ".join(map(str, told.status.get("reasons") or ()))
            wrong.append(f"{url} is not ready: {reasons}")
    if wrong:
        raise Wrong("; ".join(wrong), "see the worker's log")
    return f"{len(answers.told)} ready"


_KAFKA = (
    Check("broker", _broker, "start Kafka, or set kafka.broker"),
    Check("topics", _topics, "", needs="broker"),
    Check("epoch", _epoch, "run `vereflow init`", needs="topics"),
)
_KUBERNETES = (
    Check("API server", _api_server, "check cluster.kubeconfig and cluster.context"),
    Check("list pods", _pods, "check cluster.namespaces", needs="API server"),
    Check("list policies", _policies, "check cluster.namespaces", needs="API server"),
    Check("identities", _identities, "check graph.identities", needs="list pods"),
    Check("allowances", _allowances, "check allowances", needs="API server"),
)
_GRAPH = (Check("Verefoo", _verefoo, "start Verefoo, or set verefoo.url"),)
_RUNNING = (
    Check("workers", _workers, "start `vereflow worker`, or say --web with its web server"),
    Check("aliases", _aliases, "check graph.aliases", needs="workers"),
    Check("links", _links, "check graph.links", needs="workers"),
)


def _needed(settings: Settings) -> Iterable[Sequence[Check]]:
    here = {"core": (_GRAPH,), "cluster": (_KUBERNETES,)}
    return (_KAFKA, *here.get(settings.part, (_KUBERNETES, _GRAPH)), _RUNNING)
