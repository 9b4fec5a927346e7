"""The kinds this server keeps, as discovery names them."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One resource type: how it is addressed and which of its fields have one owner."""

    group: str
    plural: str
    singular: str
    name: str
    namespaced: bool = True
    version: str = "v1"
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    #: Whether the server counts the changes of its spec.
    has_generation: bool = False
    #: Maps that have one owner as a whole; lists always have.
    atomic: frozenset[Path] = field(default_factory=frozenset)

    @property
    def api_version(self) -> str:
        """The apiVersion objects of this kind carry."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The plural with its group, as error messages say it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def full_name(self) -> str:
        """The kind with its group, as validation messages say it."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def described(self) -> str:
        """The group, version and kind, as apply errors say it."""
        return f"{self.api_version}, Kind={self.name}"


PODS = Kind(
    "", "pods", "pod", "Pod", short_names=("po",), categories=("all",), has_status=True,
)  # fmt: skip
NAMESPACES = Kind(
    "", "namespaces", "namespace", "Namespace", False, short_names=("ns",), has_status=True,
)  # fmt: skip
SERVICES = Kind(
    "",
    "services",
    "service",
    "Service",
    short_names=("svc",),
    categories=("all",),
    has_status=True,
    atomic=frozenset({("spec", "selector")}),
)
EVENTS = Kind("", "events", "event", "Event", short_names=("ev",))
CONFIG_MAPS = Kind("", "configmaps", "configmap", "ConfigMap", short_names=("cm",))
SERVICE_ACCOUNTS = Kind(
    "", "serviceaccounts", "serviceaccount", "ServiceAccount", short_names=("sa",)
)  # fmt: skip
NETWORK_POLICIES = Kind(
    "networking.k8s.io",
    "networkpolicies",
    "networkpolicy",
    "NetworkPolicy",
    short_names=("netpol",),
    has_generation=True,
    atomic=frozenset({("spec", "podSelector")}),
)
LEASES = Kind("coordination.k8s.io", "leases", "lease", "Lease")


def _workload(group: str, name: str, *short_names: str) -> Kind:
    plural = f"{name.lower()}s"
    return Kind(
        group,
        plural,
        plural[:-1],
        name,
        short_names=short_names,
        categories=("all",),
        has_status=True,
        has_generation=True,
        atomic=frozenset({("spec", "selector")}),
    )


DEPLOYMENTS = _workload("apps", "Deployment", "deploy")
REPLICA_SETS = _workload("apps", "ReplicaSet", "rs")
STATEFUL_SETS = _workload("apps", "StatefulSet", "sts")
DAEMON_SETS = _workload("apps", "DaemonSet", "ds")
JOBS = _workload("batch", "Job")
CRON_JOBS = _workload("batch", "CronJob", "cj")

KINDS = (
    PODS,
    NAMESPACES,
    SERVICES,
    EVENTS,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    NETWORK_POLICIES,
    LEASES,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
)
GROUP_VERSIONS = tuple(dict.fromkeys((kind.group, kind.version) for kind in KINDS))


def find_kind(group: str, version: str, plural: str) -> Kind | None:
    """Return the kind served under this group, version and plural."""
    for kind in KINDS:
        if (kind.group, kind.version, kind.plural) == (group, version, plural):
            return kind
    return None
