"""Put together how a running system is: first what is wrong, then workers, then counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agents.asking.aliases import DISPUTED, NOBODYS, list_aliases
from agents.asking.identities import newest
from agents.asking.standing import is_pending, reasons
from agents.asking.workers import Answers, Told
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow, Standing
from streams.flow.tracker import PodRow
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch

Json = dict[str, Any]

NOT_READY = "not ready"
_BAD = (Outcome.REFUSED, Outcome.UNPROTECTED, Outcome.FOREIGN)


class Letters(NamedTuple):
    """The dead letters, or why they are not known."""

    found: list[Json]
    unknown: str = ""


def condition(answers: Answers, letters: Letters) -> Json:
    """Return the whole condition as plain data."""
    wanted = answers.rows("wanted", PolicyPatch)
    outcomes = answers.rows("policies", PatchOutcome)
    identities = _identities(answers)
    workers = [_worker(url, told) for url, told in answers.told.items()]
    workers.sort(key=lambda worker: (worker["worker"], worker["url"]))
    wrong = [
        *_not_ready(workers, answers.silent),
        *_inexact(wanted),
        *_refused(wanted, outcomes),
        *_without_address(identities),
        *_odd_aliases(answers),
        *_shadowed(outcomes),
        *_not_allowed(workers),
        *_unread(workers),
        *_letters(letters),
    ]
    return {
        "ready": not any(each["kind"] == NOT_READY for each in wrong),
        "wrong": wrong,
        "workers": workers,
        "allowed": _allowed(workers),
        "counts": _counts(answers, identities, wanted, outcomes),
    }


def _allowed(workers: Iterable[Json]) -> Json:
    """Return how many policies stand beside the rules for each allowance: all workers know."""
    found: Json = {}
    for worker in workers:
        found |= worker["hands"].get("namespace_closer", {}).get("allowed", {})
    return found


def _not_allowed(workers: Iterable[Json]) -> Iterator[Json]:
    closers = [worker["hands"].get("namespace_closer", {}) for worker in workers]
    for why in sorted({str(why) for told in closers for why in told.get("not_allowed", ())}):
        about, _, what = why.partition(" ")
        yield _item("not allowed", about.rstrip(":"), what)


def _unread(workers: Iterable[Json]) -> Iterator[Json]:
    watchers = [worker["hands"].get("pod_watcher", {}) for worker in workers]
    for why in sorted({str(why) for told in watchers for why in told.get("unread", ())}):
        yield _item("owners not read", "pods", f"{why}: see owners.yaml")


def _not_ready(workers: Iterable[Json], silent: Mapping[str, str]) -> Iterator[Json]:
    for url, why in sorted(silent.items()):
        yield _item(NOT_READY, url, f"does not answer: {why}")
    for worker in workers:
        if not worker["ready"]:
            reasons = "; ".join(worker["reasons"]) or "it does not say why"
            yield _item(NOT_READY, worker["worker"], reasons)
        for hand, told in worker["hands"].items():
            error = told.get("error") if isinstance(told, dict) else told
            if error:
                yield _item("error", f"{worker['worker']} {hand}", str(error))


def _inexact(wanted: Mapping[str, PolicyPatch]) -> Iterator[Json]:
    for key, patch in wanted.items():
        if patch.inexact:
            yield _item("inexact", key, ", ".join(reasons(patch)))


def _shadowed(outcomes: Mapping[str, PatchOutcome]) -> Iterator[Json]:
    found = Counter(
        key.split("/")[1]
        for key, outcome in outcomes.items()
        if outcome.outcome is Outcome.SHADOWED
    )
    for namespace, count in sorted(found.items()):
        yield _item("shadow", namespace, f"{count} policies are not written: see `vereflow diff`")


def _identities(answers: Answers) -> list[Standing]:
    found = (each.identity for each in newest(answers.rows("identities", IdentitiesRow)))
    return [each for each in found if each is not None and each.live]


def _without_address(identities: Iterable[Standing]) -> Iterator[Json]:
    for row in identities:
        if row.waits:
            yield _item("no address", row.pod.key, "none is left: no rule can name it")


def _odd_aliases(answers: Answers) -> Iterator[Json]:
    rows, pods = answers.rows("identities", IdentitiesRow), answers.rows("graph-pods", PodsRow)
    for alias in list_aliases(rows, pods):
        claimants = ", ".join(alias["claimedBy"])
        if alias["state"] == DISPUTED:
            yield _item("disputed alias", alias["address"], f"claimed by {claimants}")
        if alias["state"] == NOBODYS:
            yield _item("alias of nobody", alias["address"], f"{alias['setFor']} is not there")


def _refused(
    wanted: Mapping[str, PolicyPatch], outcomes: Mapping[str, PatchOutcome]
) -> Iterator[Json]:
    for bad in _BAD:
        for key, outcome in outcomes.items():
            patch = wanted.get(key)
            if outcome.outcome is bad and (patch is None or not is_pending(patch, outcome)):
                yield _item(str(bad).lower(), key, outcome.reason)


def _letters(letters: Letters) -> Iterator[Json]:
    if letters.unknown:
        yield _item("dead letters", "not known", letters.unknown)
    elif letters.found:
        newest = letters.found[-1]
        detail = f"the newest: {newest['reason']} at {newest['key']}; see `vereflow dead-letters`"
        yield _item("dead letters", str(len(letters.found)), detail)


def _worker(url: str, told: Told) -> Json:
    status = told.status
    lag = _numbers(status.get("lag"))
    assigned = status.get("assigned")
    partitions = assigned.values() if isinstance(assigned, dict) else ()
    hands = status.get("hands")
    return {
        "worker": str(status.get("worker", url)),
        "url": url,
        "version": str(status.get("version", "")),
        "ready": status.get("ready") is True,
        "reasons": [str(reason) for reason in status.get("reasons") or ()],
        "partitions": sum(len(each) for each in partitions),
        "lag": sum(lag),
        "hands": hands if isinstance(hands, dict) else {},
    }


def _numbers(lag: Any) -> list[int]:
    topics = lag.values() if isinstance(lag, dict) else ()
    return [behind for topic in topics for behind in topic.values()]


def _counts(
    answers: Answers,
    identities: Sequence[Standing],
    wanted: Mapping[str, PolicyPatch],
    outcomes: Mapping[str, PatchOutcome],
) -> Json:
    pods = answers.rows("pods", PodRow).values()
    rules = answers.rows("graph-rules", GraphRow).values()
    stored = [key for key, patch in wanted.items() if patch.manifest is not None]
    return {
        "workers": len(answers.told),
        "pods": sum(1 for row in pods if row.live and row.pod.service is None),
        **({"identities": len(identities)} if identities else {}),
        "rules": sum(1 for row in rules if row.rule is not None and not row.rule.dropped),
        "policies": len(stored),
        "pending": sum(is_pending(patch, outcomes.get(key)) for key, patch in wanted.items()),
    }


def _item(kind: str, about: str, detail: str) -> Json:
    return {"kind": kind, "about": about, "detail": detail}
