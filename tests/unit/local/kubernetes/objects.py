"""Objects and labels to test with, and an API without sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from deploy.local.kubernetes.api import Api
from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import NAMESPACES, NETWORK_POLICIES, Json
from deploy.local.kubernetes.options import Answer, WriteOptions
from deploy.local.kubernetes.store import Store

PORTS = st.integers(1, 65535)
LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "1", "2"]))
RULES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "ports": st.lists(
                st.fixed_dictionaries(
                    {}, optional={"port": PORTS, "protocol": st.sampled_from(["TCP", "UDP"])}
                ),
                max_size=2,
            )
        },
    ),
    max_size=2,
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "podSelector": st.fixed_dictionaries({}, optional={"matchLabels": LABELS}),
        "ingress": RULES,
        "egress": RULES,
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), max_size=2),
    },
)


@st.composite
def policies(draw: st.DrawFn) -> Json:
    """Draw a valid policy that leaves many things out."""
    metadata: Json = {"name": "web"}
    if labels := draw(LABELS):
        metadata["labels"] = labels
    if notes := draw(LABELS):
        metadata["annotations"] = notes
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": draw(SPECS),
    }


SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 70_000) | st.floats(-2, 2) | st.text(max_size=3)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


def refusal(call: Callable[[], object]) -> int:
    """Return the code a call is refused with; 0 if it is not refused."""
    try:
        call()
    except ApiError as error:
        return error.code
    return 0


def new_api() -> Api:
    """Return an API with one namespace."""
    api = Api(Store())
    api.create(NAMESPACES, "", {"metadata": {"name": "default"}}, WriteOptions())
    return api


def apply_policy(api: Api, body: Json, manager: str = "m1", **options: Any) -> Answer:
    """Apply a policy as one manager."""
    name = body["metadata"]["name"]
    return api.apply(NETWORK_POLICIES, "default", name, body, WriteOptions(manager, **options))
