"""Every knob, typed, with the reason beside the default; an unknown name is an error.

``VEREFLOW_KAFKA__BROKER`` sets ``settings.kafka.broker``; a YAML file named by ``VEREFLOW_CONFIG``
may set the same names, and the environment wins over it. Only ``deploy/`` builds settings.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from streams.records.pods import Namespace
from streams.rules.verdict import Exactness, Reading
from streams.settings_graph import GraphSettings
from streams.settings_group import Group
from streams.settings_kafka import KafkaSettings
from streams.settings_ranges import check_aliases, check_identities, check_subnets
from streams.settings_sources import Source, sources
from streams.settings_traces import TraceSettings
from streams.settings_values import (
    Cidr,
    LabelledPods,
    Name,
    Seconds,
    Selector,
    ServiceName,
    Url,
    leaves_in_the_clear,
)
from streams.settings_web import WebSettings

NEVER_MANAGED = frozenset({"kube-system", "kube-public", "kube-node-lease"})


class ClusterSettings(Group):
    """The cluster whose pods are followed and whose policies are written."""

    name: Name = Field(default="local", description="Stands in keys and in a topic's name.")
    kubeconfig: Path | None = Field(default=None, description="None: in-cluster credentials.")
    context: str | None = Field(default=None, description="None: the kubeconfig's current one.")
    namespaces: tuple[Namespace, ...] = Field(
        default=("default",), description="Whose pods are managed; no others are."
    )
    namespace_selector: Selector = Field(
        default="",
        description="Labels, as for kubectl -l: namespaces that bear them are managed too.",
    )
    when_left: Literal["remove", "keep"] = Field(
        default="remove",
        description="What becomes of policies where a namespace no longer bears these labels.",
    )
    shadow: tuple[Namespace | Literal["*"], ...] = Field(
        default=(),
        description="Where policies are computed and reported, and none is written; * for all.",
    )
    pod_ranges: tuple[Cidr, ...] = Field(
        default=(),
        max_length=16,
        description="Where pods have their addresses: then rules reach all others, by ipBlock.",
    )
    own_namespace: Namespace = Field(default="vereflow", description="Never managed.")
    isolation: Literal["pod", "namespace"] = Field(
        default="pod", description="namespace: one standing policy closes pods from their birth."
    )
    selection: Literal["app", "label"] = Field(
        default="app",
        description="label: pods that `app` does not pick out alone are given a label of ours.",
    )
    identity: Literal["pod", "workload", "service-account"] = Field(
        default="pod",
        description="What a node of the graph stands for; all but pods outlive their pods.",
    )
    strangers: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="How many pods that no watcher has seen a partition holds; more are refused.",
    )
    concurrency: int = Field(default=8, gt=0, le=64, description="Policies written at once.")
    lease_seconds: Seconds = Field(default=15, description="Another watcher takes over after it.")

    @property
    def shadowed(self) -> frozenset[str]:
        """The namespaces in which nothing is written."""
        return frozenset({*self.shadow, *(self.namespaces if "*" in self.shadow else ())})

    @property
    def never_managed(self) -> frozenset[str]:
        """The namespaces that no name and no label makes ours."""
        return NEVER_MANAGED | {self.own_namespace}

    @model_validator(mode="after")
    def _shadows_what_is_managed(self) -> ClusterSettings:
        unknown = self.shadowed - {"*", *self.namespaces}
        if unknown and not self.namespace_selector:
            raise ValueError(f"in shadow, and not managed: {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _leaves_the_system_alone(self) -> ClusterSettings:
        if not self.namespaces and not self.namespace_selector:
            raise ValueError("no namespace is managed; set namespaces or namespace_selector")
        refused = self.never_managed & set(self.namespaces)
        if refused:
            raise ValueError(f"never managed: {', '.join(sorted(refused))}")
        return self

    @model_validator(mode="after")
    def _labels_pods_alone(self) -> ClusterSettings:
        if self.selection == "label" and self.identity != "pod":
            raise ValueError("selection: label tells pods apart, and identity: pod alone does")
        return self


class VerefooSettings(Group):
    """Verefoo's REST server, and how it is asked."""

    url: Url = Field(
        default="http://127.0.0.1:8085/verefoo", description="Without a user or password in it."
    )
    allow_remote_http: bool = Field(
        default=False, description="Verefoo has no TLS of its own: plain http leaves this machine."
    )
    poll_seconds: Seconds = Field(default=1, description="How soon a rule written there is seen.")
    timeout: Seconds = Field(default=120, description="Longer than its longest pauses (85 s).")
    ca: Path | None = Field(
        default=None, description="PEM file of who vouches for it over https; None: the system's."
    )
    token_file: Path | None = Field(
        default=None, description="It is shown what this file holds, as a bearer token."
    )

    @model_validator(mode="after")
    def _stays_here(self) -> VerefooSettings:
        clear = leaves_in_the_clear(self.url)
        if clear and self.token_file is not None:
            raise ValueError("a token leaves this machine in the clear; set an https verefoo.url")
        if clear and not self.allow_remote_http:
            raise ValueError("plain http to another host; set verefoo.allow_remote_http to allow")
        return self


class RuleSettings(Group):
    """How rules are read."""

    exactness: Exactness = Field(
        default=Exactness.WIDEN, description="What becomes of a rule that no policy can say."
    )
    default_allow: bool = Field(
        default=False, description="Whether a firewall may allow by default."
    )
    reverse: bool = Field(
        default=False,
        description="Whether a rule that is not directional is one for the way back as well.",
    )
    reading: Reading = Field(
        default=Reading.ANY_END,
        description="Whether one firewall is enough to let a flow pass, or both its pods' must.",
    )
    blast_limit: int | None = Field(
        default=None,
        ge=0,
        description="For how many pods one change may open something unasked; None: for any.",
    )


class AllowanceSettings(Group):
    """What every pod may do whatever the rules say; each is a policy of its own."""

    dns: bool = Field(default=False, description="Whether pods may ask the cluster's DNS.")
    dns_service: ServiceName = Field(
        default="kube-system/kube-dns", description="NAMESPACE/NAME of the service it is behind."
    )
    prometheus: LabelledPods = Field(
        default="",
        description="NAMESPACE/KEY=VALUE of who may scrape pods that are annotated for it.",
    )
    ingress: LabelledPods = Field(
        default="", description="NAMESPACE/KEY=VALUE of who may reach what Ingresses send to."
    )
    webhooks: tuple[Cidr, ...] = Field(
        default=(),
        max_length=16,
        description="From where the API server may call admission webhooks.",
    )

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The names of those that are not off."""
        every = ("dns", "prometheus", "ingress", "webhooks")
        return tuple(name for name in every if getattr(self, name))


class LogSettings(Group):
    """What is said on standard error."""

    format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important that is said."
    )


class Settings(BaseSettings):
    """Everything a worker can be told."""

    model_config = SettingsConfigDict(
        env_prefix="VEREFLOW_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    instance: Name = Field(default="main", description="Tells installations in one cluster apart.")
    part: Literal["whole", "core", "cluster"] = Field(
        default="whole",
        description="What runs here: all, or apart what is near Verefoo and what is at a cluster.",
    )
    state_dir: Path = Field(default=Path("vereflow-state"), description="One per worker.")
    kafka: KafkaSettings = KafkaSettings()
    cluster: ClusterSettings = ClusterSettings()
    verefoo: VerefooSettings = VerefooSettings()
    graph: GraphSettings = GraphSettings()
    rules: RuleSettings = RuleSettings()
    allowances: AllowanceSettings = AllowanceSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    traces: TraceSettings = TraceSettings()

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters whose pods are in the graph."""
        return self.graph.clusters or (self.cluster.name,)

    @property
    def app_id(self) -> str:
        """The consumer group of this part, with which its changelogs begin."""
        at = f"-at-{self.cluster.name}" if self.part == "cluster" else ""
        return f"{self.kafka.app_id}{at}"

    @model_validator(mode="after")
    def _is_at_a_cluster_of_the_graph(self) -> Settings:
        if self.part == "whole" and self.cluster.name not in self.clusters:
            raise ValueError("cluster.name is not in graph.clusters; set part: core")
        return self

    @model_validator(mode="after")
    def _allows_only_beside_what_is_closed(self) -> Settings:
        asked = self.allowances.asked_for
        if asked and self.cluster.isolation != "namespace":
            # What selects a pod closes it as well, should no other policy have closed it as yet.
            raise ValueError(f"allowances.{asked[0]} needs cluster.isolation: namespace")
        return self

    @model_validator(mode="after")
    def _has_identities_stand_apart(self) -> Settings:
        told, graph = self.cluster, self.graph
        if told.identity != "pod":
            check_identities(graph.identities, graph.firewall, graph.base, told.pod_ranges)
            check_aliases(graph.aliases, graph.identities, graph.firewall, graph.base)
        elif graph.aliases:
            raise ValueError("graph.aliases needs another cluster.identity than pod")
        return self

    @model_validator(mode="after")
    def _has_whole_clusters_be_told_by_address(self) -> Settings:
        graph = self.graph
        if graph.subnets and self.cluster.identity != "pod":
            raise ValueError("graph.subnets needs cluster.identity: pod")
        if graph.subnets and self.rules.reading is Reading.EVERY_HOP:
            # Before its pods stands one firewall for all, which is none of theirs.
            raise ValueError("graph.subnets needs rules.reading: any-end")
        check_subnets(graph.subnets.values(), graph.firewall, graph.base)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Source,
        env_settings: Source,
        dotenv_settings: Source,
        file_secret_settings: Source,
    ) -> tuple[Source, ...]:
        """Let arguments win over the environment, and the environment over the file."""
        return sources(settings_cls, init_settings)


class UnknownSetting(ValueError):
    """An environment variable of ours that sets nothing, most likely a typing mistake."""


def load(**changes: Any) -> Settings:
    """Return the settings; raise ValueError (pydantic's or UnknownSetting) for any mistake."""
    known = set(names())
    for variable in os.environ:
        # Set in lower case it would count as well.
        setting = variable.lower().removeprefix("vereflow_")
        ours = variable.lower().startswith("vereflow_")
        if ours and setting not in known and setting not in _OTHERS:
            raise UnknownSetting(f"{variable} is no setting")
    try:
        return Settings(**changes)
    except RecursionError:
        raise ValueError("a list or group in the environment is nested too deeply") from None
    except SettingsError as error:
        # It says which group, and repeats nothing.
        raise ValueError(f"{error}: lists and groups are written as JSON") from None


# Named by the environment only, and no setting of a worker.
_OTHERS = {"config", "worlds", "endpoints", "web_urls", "failpoint"}


def names() -> list[str]:
    """Return every setting as the environment spells it, in lower case: ``kafka__broker``."""
    found = []
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            found += [f"{name}__{inner}" for inner in group.model_fields]
        found.append(name)
    return found
