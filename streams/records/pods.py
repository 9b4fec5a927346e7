"""What the cluster tells us about its pods, in five fields or in all of them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from streams.records.addresses import check_pod_address
from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.marks import Mark, Stamp
from streams.records.views import SERVICE, Service, Workload

DEFAULT_NAMESPACE = "default"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_HOSTNAME = re.compile(r"[A-Za-z0-9._-]{0,253}")


def _subdomain(text: str) -> str:
    # RFC 1123; ".." would read as two labels with nothing between.
    if not 1 <= len(text) <= 253 or ".." in text or _SUBDOMAIN.fullmatch(text) is None:
        raise ValueError("not a lowercase RFC 1123 subdomain")
    return text


def _namespace(text: str) -> str:
    if len(text) > 63 or "." in text:
        raise ValueError("not a lowercase RFC 1123 label")
    return _subdomain(text)


def _hostname(text: str) -> str:
    if _HOSTNAME.fullmatch(text) is None:
        raise ValueError("not a host name")
    return text


def _missing(name: str) -> PydanticCustomError:
    return PydanticCustomError("missing", "{name} is required", {"name": name})


def _address(text: str | None) -> str | None:
    return check_pod_address(text) if text else None


PodName = Annotated[StrictStr, AfterValidator(_subdomain)]
Namespace = Annotated[StrictStr, AfterValidator(_namespace)]
Hostname = Annotated[StrictStr, AfterValidator(_hostname)]
Address = Annotated[StrictStr | None, AfterValidator(_address)]
Text = Annotated[StrictStr, Field(max_length=253)]
Labels = Annotated[dict[Text, Text], Field(max_length=128)]


class PodEventType(StrEnum):
    """What happened to the pod, as Kubernetes watches name it."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


FINISHED = ("Succeeded", "Failed")
EVENT_CODES = {PodEventType.ADDED: 0, PodEventType.MODIFIED: 1, PodEventType.DELETED: 2}


class Owner(Record):
    """The workload that made a pod."""

    kind: Text
    name: Text


class ContainerPort(Record):
    """A port a container says it listens on."""

    port: int = Field(ge=1, le=65535)
    protocol: Text = "TCP"
    name: Text = ""


class PodEvent(Record):
    """One change of one pod, or of one Service, or a mark between changes.

    Five fields are enough (``podName podIP hostname event eventCode``); a record that names its
    namespace is one of ours and must carry the pod's uid as well.
    """

    mark: Mark | None = None
    pod_name: PodName = "-"
    pod_ip: Address = Field(default=None, alias="podIP")
    hostname: Hostname = ""
    event: PodEventType = PodEventType.MODIFIED
    event_code: StrictInt | None = None
    cluster: Text = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    uid: Text = ""
    labels: Labels = Field(default_factory=dict)
    service_account: Text = ""
    owner: Owner | None = None
    workload: Workload | None = None
    node: Text = ""
    phase: Text = "Running"
    container_ports: Annotated[tuple[ContainerPort, ...], Field(max_length=256)] = ()
    host_network: StrictBool = False
    service: Service | None = None
    terminating: StrictBool = False
    resource_version: Text = ""
    stamp: Stamp | None = None
    forwarded: StrictBool = False
    cause: Cause | None = None

    @model_validator(mode="before")
    @classmethod
    def _required(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("mark"):
            # A mark rides alone; the placeholder in the pod's name is nobody's name.
            return {name: data[name] for name in ("mark", "cluster", "cause") if name in data}
        for names in (("podName", "pod_name"), ("event",)):
            if not any(name in data for name in names):
                raise _missing(names[0])
        # Sent on under its pod's key, a record of five fields spells out the other defaults too.
        if "namespace" in data and not (data.get("uid") or data.get("forwarded")):
            raise _missing("uid")
        return data

    @model_validator(mode="after")
    def _codes_agree(self) -> Self:
        if self.event_code is not None and self.event_code != EVENT_CODES[self.event]:
            raise ValueError("eventCode disagrees with event")
        return self

    @property
    def selector_labels(self) -> dict[str, str]:
        """Return the labels; a five-field event stands for the scenario's ``app: <name>``."""
        return self.labels if self.uid else {"app": self.pod_name}

    def key(self, default_cluster: str) -> str:
        """Return cluster/namespace/pod: every change of one pod stays in order."""
        kind = SERVICE if self.service is not None else ""
        return f"{self.cluster or default_cluster}/{self.namespace}/{kind}{self.pod_name}"

    @property
    def named_ports(self) -> dict[str, int]:
        """Return the container ports that have a name, by protocol and name."""
        return {
            f"{each.protocol}/{each.name}": each.port for each in self.container_ports if each.name
        }
