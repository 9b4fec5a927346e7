"""What vereflow writes into a cluster, from the names that the code has for it."""

from __future__ import annotations

from agents.clients.kubernetes import FIELD_MANAGER
from streams.policy import labels
from streams.policy.dialects import standing
from streams.policy.dialects.kubernetes import IDENTITY, INSTANCE, MANAGED_BY
from streams.policy.selection import LABEL, OWN_LABEL
from streams.records.views import Errs
from tests.house.pages.markdown import code, link, page, table

INTRO = f"""
Everything that vereflow writes into a cluster, and what it reads on objects of others. Whatever
else is there is left alone. The field manager is `{FIELD_MANAGER}`; the rights for this are in
{link("deploy/manifests/rbac.yaml")} and the files beside it.
""".strip()

OBJECTS = [
    (
        "NetworkPolicy",
        "the pod's name, or the identity's, in its namespace",
        "what the pod may do: both directions, always. It comes with the pod and goes with it.",
    ),
    (
        "NetworkPolicy",
        code(standing.NAME),
        "closes all pods of a managed namespace, with `cluster.isolation: namespace`. It stays "
        "when vereflow goes, and is put back when it is edited or removed.",
    ),
    *(
        ("NetworkPolicy", f"{code(name)}{behind}", f"what `allowances.{setting}` allows.")
        for name, behind, setting in (
            (standing.DNS, "", "dns"),
            (standing.PROMETHEUS, "", "prometheus"),
            (standing.INGRESS, " and a dot and the Service's name", "ingress"),
            (standing.WEBHOOKS, " and a dot and the Service's name", "webhooks"),
        )
    ),
    (
        "Lease",
        "`vereflow-<instance>-<cluster.name>-pods` in `cluster.own_namespace`",
        "which worker follows the pods.",
    ),
    (
        "Event",
        "on a NetworkPolicy: `FieldsTakenBack`",
        "somebody else had set fields of a policy of ours; they are as the rules want them again.",
    ),
    (
        "Pod",
        f"its label {code(OWN_LABEL)}, nothing else",
        "with `cluster.selection: label`, on pods that `app` does not pick out alone.",
    ),
]
LABELS = {
    MANAGED_BY: "`vereflow`, on every policy of ours.",
    INSTANCE: "The setting `instance`, on policies of pods and identities: without it, or with "
    "another one, a policy is not ours and is never written.",
    standing.STANDING: "The same, on policies of a whole namespace.",
    labels.EXACTNESS: f"`{labels.EXACT}`; `{Errs.WIDER}` or `{Errs.NARROWER}` than its rules; "
    f"`{labels.BOTH}`: both. So it was when it was written: Events and `vereflow policies` say it "
    "as it is now.",
    labels.SELECTS: "`pod` or `identity`: whom a policy is for.",
    labels.GRAPH: f"The graph whose rules are in it, or `{labels.SEVERAL}`: the note names them.",
    OWN_LABEL: "The uid of the pod that wears it; see above.",
}
NOTES = {
    "vereflow.io/revision": "Which epoch, incarnation of the pod and offset wrote this policy: "
    "what is older cannot overwrite it.",
    "vereflow.io/pod-uid": "For which pod of that name.",
    "vereflow.io/graph": "The graphs whose rules are in it.",
    "vereflow.io/rules-digest": "A digest of what it means.",
    "vereflow.io/cause": "The record that caused it: topic, partition, offset. `vereflow replay` "
    "and the page *Timeline* know more of it.",
    IDENTITY: "Whose policy it is, as `Kind/name`, where nodes are no pods.",
    "vereflow.io/reason": "On policies of a whole namespace: why it stands there.",
}
READ = {
    f"label {code(LABEL)} of a pod": "Picks out the pod, if it says the pod's own name.",
    "labels of a namespace": "`cluster.namespace_selector` chooses by them.",
    "annotation `prometheus.io/scrape` of a pod": "With `allowances.prometheus`; "
    "`prometheus.io/port` says where.",
    "annotation `vereflow.io/pod-ip` of a pod": "Only in the local world: which address it gets.",
}
ASK = """
`kubectl get netpol -A -l app.kubernetes.io/managed-by=vereflow` lists all of ours, with
`-L vereflow.io/instance` also whose they are. `-L vereflow.io/selects,vereflow.io/exactness`
says whom each is for and how exact it is (see the
[tutorial](tutorials/local-world.md#what-a-policy-cannot-say));
`-l 'vereflow.io/exactness,vereflow.io/exactness!=exact'` finds those that are not just what their
rules say. A policy that was written before there were such labels gets them with its next write.
""".strip()


def objects() -> str:
    """Return the page of objects."""
    return page(
        "Objects in Kubernetes",
        INTRO,
        "## What is written",
        table(("object", "name", "what it is for"), OBJECTS),
        ASK,
        "## Labels",
        table(("label", "says"), [(code(name), said) for name, said in LABELS.items()]),
        "## Annotations",
        table(("annotation", "says"), [(code(name), said) for name, said in NOTES.items()]),
        "## What is read on objects of others",
        table(("what", "for"), READ.items()),
    )
