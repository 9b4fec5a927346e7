"""What an identity is called, and which labels outlive a pod."""

from __future__ import annotations

import re
import sys
from collections import Counter

import pytest

from streams.flow import tracker
from streams.flow.output import IDENTITY_FACTS
from streams.flow.workloads import LONGEST_NAME, identity_name, steady
from streams.records.pods import PodEvent
from streams.records.views import Service, Workload
from tests.unit.flow.keeping import Kept, deployment, pod, read
from tests.unit.flow.records import TRACKING, at, five, listed, told

TRACKED = TRACKING._replace(identities=True)
WEB = Workload(kind="Deployment", name="web", selector={"app": "web"})
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@pytest.mark.parametrize(
    ("kind", "name", "called"),
    [
        ("Deployment", "web", "deployment.web"),
        ("StatefulSet", "store.a-1", "statefulset.store.a-1"),
        ("Pod", "x", "pod.x"),
    ],
)
def test_an_identity_is_called_by_its_kind_and_name(kind, name, called):
    assert identity_name(kind, name) == called


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Deployment", "x" * 253), ("Role", "system:admin"), ("Ünï", "..."), ("X", "A"), ("X", "a-")],
)
def test_what_no_policy_can_be_called_ends_in_a_digest(kind, name):
    called = identity_name(kind, name)

    assert SUBDOMAIN.fullmatch(called)
    assert len(called) <= LONGEST_NAME
    assert called != identity_name(kind, f"{name}2")
    assert re.search(r"[0-9a-f]{10}$", called)


def test_what_a_controller_writes_on_one_pod_alone_is_no_label_of_all():
    labels = {
        "app": "web",
        "pod-template-hash": "1",
        "controller-revision-hash": "1",
        "pod-template-generation": "1",
        "statefulset.kubernetes.io/pod-name": "web-0",
        "apps.kubernetes.io/pod-index": "0",
        "batch.kubernetes.io/controller-uid": "u",
        "batch.kubernetes.io/job-completion-index": "0",
        "batch.kubernetes.io/job-name": "night-28",
        "job-name": "night",
        "vereflow.io/pod": "u",
    }

    night = Workload(kind="CronJob", name="night")
    assert steady(labels, night) == {"app": "web", "job-name": "night"}


def tracked(*events: PodEvent, ours: tracker.Tracking = TRACKED) -> list[tuple[str, object]]:
    """Return to which topic what is claimed, of which workload."""
    rows: dict = {}
    sent = [
        each
        for offset, event in enumerate(events)
        for each in tracker.handle(rows, event, event.key("local"), at(offset), ours)
    ]
    return [(each.topic, each.value.claim and each.value.claim.pod.workload) for each in sent]


def test_claims_go_to_who_knows_the_identities_with_the_workload_of_each_pod():
    event = told("ADDED", "u1", "10.0.0.11", 1, workload=WEB)

    assert tracked(event) == [(IDENTITY_FACTS, WEB)]
    assert tracked(event, ours=TRACKING) == [("graph-facts", None), ("graph-edits", None)]


def test_marks_and_services_take_the_same_way():
    service = told("ADDED", "u1", "10.96.0.1", 1, service=Service(selector={"app": "web"}))

    assert tracked(PodEvent(mark=listed(1)), service) == [(IDENTITY_FACTS, None)] * 2


@pytest.mark.parametrize(
    ("event", "selector"),
    [
        (five("ADDED", "10.0.0.11"), {"app": "a"}),
        (told("ADDED", "u1", "10.0.0.11", 1), {"app": "a"}),
        (told("ADDED", "u1", "10.0.0.11", 1, labels={"app": "other"}), None),
    ],
    ids=["five-fields", "labelled", "unlabelled"],
)
def test_who_does_not_say_the_workload_tells_of_a_pod_that_stands_for_itself(event, selector):
    assert tracked(event) == [(IDENTITY_FACTS, Workload(kind="Pod", name="a", selector=selector))]


def test_another_owner_is_told():
    events = (
        told("ADDED", "u1", "10.0.0.11", n, workload=owner) for n, owner in enumerate((WEB, None))
    )

    assert len(tracked(*events)) == 2


def calls(crowd: int) -> Counter[str]:
    """Return what is called for a pod that comes and goes, beside so many others."""
    team = {"team": "shop"}
    kept = Kept(
        read(),
        *(
            pod(
                f"p{each}-x",
                1,
                deployment(f"p{each}"),
                f"10.{each // 200}.0.{each % 200}",
                labels={"app": f"p{each}", **team},
            )
            for each in range(crowd)
        ),
        pod("web-1", 1, deployment("web"), "10.9.0.1", labels={"app": "web", **team}),
    )
    counts: Counter[str] = Counter()

    def count(frame, event, _):
        if event == "call" and "/streams/flow/" in frame.f_code.co_filename:
            counts[frame.f_code.co_name] += 1

    again = pod("web-2", 2, deployment("web"), "10.9.0.2", labels={"app": "web", **team})
    sys.setprofile(count)
    try:
        kept.tell(
            again,
            again.model_copy(
                update={"claim": again.claim.model_copy(update={"live": False, "rev": 3})}
            ),
        )
    finally:
        sys.setprofile(None)
    return counts


def test_a_pod_costs_the_same_work_in_any_crowd():
    small, large = calls(20), calls(400)

    assert small["standing"] == 2
    assert small == large
