"""Put the policies that are wanted beside those that are stored, and say what writing them does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.asking.stored import Stored
from streams.flow.fence import is_ours, same_content
from streams.policy.changing import Change, changes
from streams.policy.dialects.kubernetes import is_identitys
from streams.policy.dialects.standing import NAME, STANDING, render
from streams.policy.flows import Flows
from streams.policy.reach import Reach, name_of
from streams.records.policies import PolicyPatch
from streams.rules.portsets import PortSet
from streams.rules.spaces import Space
from streams.settings import Settings

Json = dict[str, Any]
# Of each change; its count is always whole.
MOST_PAIRS = 20
FLOW_HEADERS = ("PAIRS", "EXAMPLE", "OPENS", "CLOSES")


@dataclass(frozen=True)
class Difference:
    """What writing other policies means: which are written, and what becomes of which flows."""

    create: list[str]
    update: list[str]
    delete: list[str]
    flows: list[Json]

    @property
    def nothing(self) -> bool:
        """Whether the cluster holds what is wanted already."""
        return not (self.create or self.update or self.delete)

    @property
    def counted(self) -> str:
        """Return it in a few words."""
        counts = {"create": self.create, "update": self.update, "delete": self.delete}
        said = ", ".join(f"{what} {len(names)}" for what, names in counts.items() if names)
        opened = sum(each["count"] for each in self.flows if each["opens"])
        closed = sum(each["count"] for each in self.flows if each["closes"])
        return (
            f"{said or 'write no'} policies, open something for {opened} pairs, close for {closed}"
        )

    @property
    def summary(self) -> str:
        """Say what going live means."""
        if self.nothing:
            return "nothing would be written: the cluster holds what is wanted"
        return f"it would {self.counted}"

    def as_data(self) -> Json:
        """Return it as plain data."""
        return {
            "create": self.create,
            "update": self.update,
            "delete": self.delete,
            "flows": self.flows,
        }


def go_live(
    wanted: Mapping[str, PolicyPatch], stored: Stored, settings: Settings, outside: Space
) -> Difference:
    """Return what it means to write all that is wanted, in every managed namespace."""
    ours = {
        name_of(policy): policy
        for policy in stored.policies
        if is_ours(dict(policy), settings.instance) or _stands(policy, settings)
    }
    manifests = _manifests(wanted, stored, settings)
    others = [policy for policy in stored.policies if name_of(policy) not in ours]
    foreign = {name_of(policy) for policy in others}
    # What bears somebody else's mark is left alone, whatever is wanted.
    manifests = {name: each for name, each in manifests.items() if name not in foreign}
    before = Flows(stored.pods, stored.policies, stored.labels)
    after = Flows(stored.pods, [*others, *manifests.values()], stored.labels)
    return differ(ours, manifests, changes(before, after, outside))


def differ(
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
    flows: Iterable[Change],
) -> Difference:
    """Return what lies between some policies, by namespace/name, and others."""
    both = new.keys() & old.keys()
    return Difference(
        create=sorted(new.keys() - old.keys()),
        update=sorted(name for name in both if not same_content(dict(old[name]), dict(new[name]))),
        delete=sorted(old.keys() - new.keys()),
        flows=_gathered(flows),
    )


def flow_cells(flow: Mapping[str, Any]) -> tuple[object, ...]:
    """Return a row for people."""
    return (flow["count"], flow["pairs"][0], flow["opens"] or "-", flow["closes"] or "-")


def _manifests(
    wanted: Mapping[str, PolicyPatch], stored: Stored, settings: Settings
) -> dict[str, Json]:
    """Return the manifests of who lives, pods or identities, and what closes whole namespaces."""
    found: dict[str, Json] = {}
    for key, patch in wanted.items():
        cluster, _, name = key.partition("/")
        if cluster != settings.cluster.name or patch.manifest is None:
            continue
        # An identity lives whether it has pods or not.
        home = name.partition("/")[0] if is_identitys(patch.manifest) else ""
        if name in stored.pods or home in stored.labels:
            found[name] = patch.manifest
    if settings.cluster.isolation == "namespace":
        for namespace in stored.labels:
            found[f"{namespace}/{NAME}"] = render(namespace, settings.instance)
    return found


def _stands(policy: Mapping[str, Any], settings: Settings) -> bool:
    # Nobody removes it when isolation is by pod again; allowances stand where they are.
    meta = policy["metadata"]
    ours = (meta.get("labels") or {}).get(STANDING) == settings.instance
    return settings.cluster.isolation == "namespace" and ours and meta["name"] == NAME


def _gathered(found: Iterable[Change]) -> list[Json]:
    """Return alike changes as one, with how many pairs they are about."""
    alike: dict[tuple[PortSet, PortSet], Json] = {}
    for each in found:
        one = alike.setdefault(
            (each.opens, each.closes),
            {"opens": _words(each.opens), "closes": _words(each.closes), "count": 0, "pairs": []},
        )
        one["count"] += 1
        if one["count"] <= MOST_PAIRS:
            one["pairs"].append(f"{each.source} -> {each.destination}")
    return list(alike.values())


def _words(ports: PortSet) -> str:
    return (Reach(ports).text or "ICMP") if ports else ""
