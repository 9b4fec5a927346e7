"""vereflow policies: what the cluster should hold, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
import yaml

from agents.asking.naming import named
from agents.asking.plain import plain
from agents.asking.standing import PENDING, is_pending, reasons
from agents.asking.times import clock
from agents.asking.workers import Answers, Kinds
from deploy.cli.answers import plain_errors
from deploy.cli.endpoints import ask_all, find
from deploy.cli.options import EndpointsFile, Everything, Output, Watch, WebUrls
from deploy.cli.sharing import sharers
from deploy.cli.showing import Column, Format, Shown, listing
from deploy.cli.watching import answer
from streams.flow.graph_rows import PodsRow
from streams.records.policies import PatchOutcome, PolicyPatch

Json = dict[str, Any]

TABLES: Kinds = {"wanted": PolicyPatch, "policies": PatchOutcome}
_OF_ONE: Kinds = {**TABLES, "graph-pods": PodsRow}
_COLUMNS = (
    Column("POLICY", lambda policy: policy["key"]),
    Column("OUTCOME", lambda policy: policy["outcome"]),
    Column("REVISION", lambda policy: policy["revision"]),
    Column("ANSWERED", lambda policy: policy["at"] or "-", wide=True),
    Column("CAUSE", lambda policy: policy["cause"] or "-", wide=True),
    Column("INEXACT", lambda policy: ", ".join(policy["inexactReasons"]) or "-"),
    Column("REASON", lambda policy: policy["reason"]),
)


def policies(
    name: Annotated[
        str | None,
        typer.Argument(help="Show this one whole; default/pod-a or pod-a.", metavar="NAME"),
    ] = None,
    everything: Everything = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """List the policies and what became of each, or show one whole.

    Example: vereflow policies default/pod-a
    """
    with plain_errors():
        running = find(endpoints, web)

    def ask() -> Shown:
        answers = asyncio.run(ask_all(running, _OF_ONE if name else TABLES))
        return _whole(answers, name) if name else _listed(answers, everything, output)

    answer(ask, output, watch)


def _listed(answers: Answers, everything: bool, output: Format) -> Shown:
    listed = list_policies(
        answers.rows("wanted", PolicyPatch), answers.rows("policies", PatchOutcome)
    )
    shown = [each for each in listed if everything or not each["gone"]]
    drawn = [listing(_COLUMNS, shown, output)]
    return Shown({"policies": shown}, lambda: drawn, answers.gaps())


def _whole(answers: Answers, name: str) -> Shown:
    wanted = answers.rows("wanted", PolicyPatch)
    outcomes, pods = answers.rows("policies", PatchOutcome), answers.rows("graph-pods", PodsRow)
    whole = [show_policy(key, wanted[key], outcomes.get(key), pods) for key in named(wanted, name)]
    if not whole:
        return Shown(None, list, [*answers.gaps(), f"no policy {plain(name)!r}"], yes=False)
    lines = [line for each in whole for line in _page(each)]
    return Shown({"policies": whole}, lambda: lines, answers.gaps())


def list_policies(
    wanted: Mapping[str, PolicyPatch], outcomes: Mapping[str, PatchOutcome]
) -> list[Json]:
    """Return every policy as plain data."""
    return [_summary(key, patch, outcomes.get(key)) for key, patch in wanted.items()]


def show_policy(
    key: str, patch: PolicyPatch, outcome: PatchOutcome | None, pods: Mapping[str, PodsRow]
) -> Json:
    """Return one policy whole: its manifest, and everything in which it differs from its rules."""
    inexact = [
        each.model_dump(mode="json", by_alias=True) | _shared(sharers(pods, patch, each))
        for each in patch.inexact
    ]
    return {
        **_summary(key, patch, outcome),
        "podUid": patch.pod_uid,
        "digest": patch.digest,
        "inexact": inexact,
        "manifest": patch.manifest,
    }


def _shared(names: list[str]) -> Json:
    return {"sharedBy": names} if names else {}


def _summary(key: str, patch: PolicyPatch, outcome: PatchOutcome | None) -> Json:
    pending = is_pending(patch, outcome)
    return {
        "key": key,
        "outcome": PENDING if pending or outcome is None else str(outcome.outcome),
        "revision": patch.revision.text,
        "cause": patch.cause.text if patch.cause else "",
        "at": clock(outcome.at) if outcome else "",
        "gone": patch.manifest is None and not patch.unprotected,
        "inexactCount": len(patch.inexact),
        "inexactReasons": reasons(patch),
        "reason": patch.unprotected or ("" if pending or outcome is None else outcome.reason),
    }


def _page(policy: Json) -> Iterator[str]:
    yield f"{policy['key']}: {policy['outcome']}, revision {policy['revision']}"
    if policy["reason"]:
        yield policy["reason"]
    yield from _differences(policy["inexact"])
    if policy["manifest"] is None:
        yield "no manifest: the cluster should not hold this policy"
    else:
        yield "---"
        yield yaml.safe_dump(policy["manifest"], sort_keys=False).rstrip()


def _differences(inexact: Iterable[Json]) -> Iterator[str]:
    for each in inexact:
        yield f"{each['errs']} than {each['rule']}: {each['reason']}"
        if each["example"]:
            yield f"  for example {each['example']}"
        if each.get("sharedBy"):
            yield f"  as may {', '.join(each['sharedBy'])}"
