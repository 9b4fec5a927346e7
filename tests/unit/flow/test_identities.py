"""The claims of pods become claims of identities, which outlive their pods."""

from __future__ import annotations

import pytest

from streams.flow.output import GRAPH_EDITS, GRAPH_FACTS, Send
from streams.records.facts import GraphFact
from streams.records.views import Service, Workload
from tests.unit.flow.keeping import (
    FIRST,
    GRACE,
    OURS,
    SECOND,
    THIRD,
    Kept,
    deployment,
    gone,
    over,
    pod,
    read,
    refused,
    told,
)

WEB, DB = deployment("web"), deployment("db")
X, Y, Z = "10.0.0.11", "10.0.0.12", "10.0.0.13"
JOB = Workload(kind="Job", name="night")


def labelled(name: str, rev: int, workload: Workload | None = JOB, **labels: str) -> GraphFact:
    return pod(name, rev, workload, labels={key.replace("_", "-"): v for key, v in labels.items()})


def test_the_pods_of_a_workload_are_one_identity_with_an_address_of_its_own():
    kept = Kept(read())

    (claim,) = told(kept.tell(pod("web-1", 0, WEB, X)))
    (grown,) = told(kept.tell(pod("web-2", 1, WEB, Y)))

    assert (claim.pod.key, claim.pod.address) == ("local/default/deployment.web", FIRST)
    assert (claim.pod.uid, claim.pod.incarnation) == (f"identity-1-1-{FIRST}", 1)
    assert (claim.pod.identity.kind, claim.pod.identity.name) == ("Deployment", "web")
    assert claim.pod.identity.selector == {"app": "web"}
    assert claim.pod.identity.aliases == (X,)
    assert grown.pod.identity.aliases == (X, Y)
    assert (grown.pod.uid, grown.pod.address) == (claim.pod.uid, claim.pod.address)
    assert (claim.rev, grown.rev, claim.partition) == (1, 2, OURS.partitions + 1)
    assert claim.since == pod("web-1", 0, WEB).claim.since


def test_both_the_router_and_the_aligner_are_told():
    sent = Kept(read()).tell(pod("web-1", 0, WEB))

    assert [each.topic for each in sent] == [GRAPH_FACTS, GRAPH_EDITS]


def test_identities_of_two_namespaces_are_two():
    kept = Kept(read(), pod("web-1", 0, WEB), pod("web-1", 1, WEB, Y, namespace="other"))

    found = {key: row.pod.address for key, row in kept.state.identities.items()}
    assert found == {
        "local/default/deployment.web": FIRST,
        "local/other/deployment.web": SECOND,
    }


def test_a_rollout_changes_only_under_which_addresses_it_is_seen():
    kept = Kept(read(), pod("web-1", 0, WEB, X, labels={"app": "web", "pod-template-hash": "1"}))
    before = kept.identity("deployment.web")

    kept.tell(pod("web-2", 1, WEB, Y, labels={"app": "web", "pod-template-hash": "2"}))
    kept.tell(gone(pod("web-1", 0, WEB, X), 2))

    after = kept.identity("deployment.web")
    aliases = {"identity": after.identity.model_copy(update={"aliases": (X,)})}
    assert after.identity.aliases == (Y,)
    assert after.model_copy(update=aliases) == before


def test_what_means_the_same_is_not_told():
    kept = Kept(read(), pod("web-1", 0, WEB, X), pod("web-2", 1, WEB, Y))

    hashed = pod("web-2", 2, WEB, Y, labels={"app": "web", "pod-template-hash": "9"})
    assert told(kept.tell(hashed)) == []
    assert told(kept.tell(pod("web-3", 3, WEB, None))) == []


@pytest.mark.parametrize("by", [-1, 1])
def test_an_identity_keeps_its_own_until_its_grace_is_over(by: int):
    kept = Kept(read(), pod("web-1", 0, WEB, X))
    before = kept.identity("deployment.web")

    (empty,) = told(kept.tell(gone(pod("web-1", 0, WEB, X), 1)))
    kept.wait(GRACE + by - 1)
    ended = told(kept.tell(over()))
    (back,) = told(kept.tell(pod("web-9", 2, WEB, Z)))

    assert (empty.live, empty.pod.address, empty.pod.identity.aliases) == (True, FIRST, ())
    assert [claim.live for claim in ended] == ([] if by < 0 else [False])
    assert (back.pod.uid == before.uid) is (by < 0)
    assert back.pod.address == (FIRST if by < 0 else SECOND)


def test_who_has_pods_again_is_not_ended_by_the_time_before():
    kept = Kept(read(), pod("web-1", 0, WEB, X), gone(pod("web-1", 0, WEB, X), 1))
    kept.wait(GRACE / 2)
    kept.tell(pod("web-2", 2, WEB, Y))
    kept.wait(GRACE)

    assert not kept.due()
    assert told(kept.tell(over())) == []


def test_nobody_looks_before_there_is_something_to_end():
    kept = Kept(read(), pod("web-1", 0, WEB, X))
    assert not kept.due()

    kept.tell(gone(pod("web-1", 0, WEB, X), 1))
    assert not kept.due()

    kept.wait(GRACE)
    assert kept.due()

    kept.tell(over())
    assert not kept.due()


@pytest.mark.parametrize("name", ["web-1", "db-1"], ids=["owner-changed", "name-reused"])
def test_a_pod_that_goes_over_to_another_identity_leaves_the_first(name: str):
    kept = Kept(read(), pod(name, 0, WEB, X))

    said = told(kept.tell(pod(name, 1, DB, X, uid="uid-new")))

    aliases = {claim.pod.name: claim.pod.identity.aliases for claim in said}
    assert aliases == {"deployment.db": (X,), "deployment.web": ()}
    assert kept.addresses() == {"deployment.web": FIRST, "deployment.db": SECOND}


def test_an_older_claim_that_comes_late_counts_for_nothing():
    kept = Kept(read(), pod("web-1", 3, WEB, X))

    assert told(kept.tell(pod("web-1", 2, DB, Y))) == []
    assert kept.addresses() == {"deployment.web": FIRST}


def test_an_older_claim_of_a_forgotten_pod_counts_for_nothing():
    kept = Kept(read(), pod("web-1", 3, WEB, X), gone(pod("web-1", 3, WEB, X), 5))
    kept.forget()
    kept.tell(over())
    kept.forget()

    assert kept.state.pods == {}
    assert told(kept.tell(pod("web-1", 3, WEB, X))) == []
    assert told(kept.tell(pod("web-2", 6, WEB, Y))) != []


def test_a_pod_that_was_never_seen_alive_begins_nothing():
    kept = Kept(read())

    assert told(kept.tell(gone(pod("web-1", 0, WEB, X), 1))) == []
    assert kept.addresses() == {}


def test_a_pod_that_nobody_made_stands_for_itself():
    kept = Kept(read(), pod("alone", 0, None, X, labels={"app": "alone", "tier": "x"}))

    identity = kept.identity("pod.alone").identity
    assert (identity.kind, identity.name) == ("Pod", "alone")
    assert identity.selector == {"app": "alone", "tier": "x"}


def test_a_pod_without_the_labels_of_its_workload_stands_for_itself():
    kept = Kept(read(), pod("web-1", 0, WEB, X), pod("web-2", 1, WEB, Y, labels={"app": "else"}))

    assert kept.identity("deployment.web").identity.aliases == (X,)
    assert kept.identity("pod.web-2").identity.selector == {"app": "else"}


def test_a_workload_that_names_no_labels_is_selected_by_those_that_all_its_pods_wear():
    kept = Kept(read())
    seen = []
    for fact in (
        labelled("night-1", 0, job_name="night", team="shop", run="1", controller_uid="u"),
        labelled("night-2", 1, job_name="night", team="shop", run="2", controller_uid="u"),
        labelled("night-3", 2, job_name="other"),
    ):
        kept.tell(fact)
        seen.append(dict(kept.identity("job.night").identity.selector))

    assert seen == [
        {"job-name": "night", "team": "shop", "run": "1"},
        {"job-name": "night", "team": "shop"},
        {},
    ]


def test_without_pods_it_is_selected_as_the_last_ones_were():
    kept = Kept(read(), labelled("night-1", 0, team="shop"))

    kept.tell(gone(labelled("night-1", 0, team="shop"), 1))

    assert kept.identity("job.night").identity.selector == {"team": "shop"}
    assert kept.identity("job.night").labels == {"team": "shop"}


def test_its_labels_are_what_all_wear_and_its_ports_those_of_the_newest():
    old = pod("web-1", 0, WEB, X, labels={"app": "web", "v": "1"}, named_ports={"TCP/http": 80})
    new = pod("web-2", 1, WEB, Y, labels={"app": "web", "v": "2"}, named_ports={"TCP/http": 8080})
    kept = Kept(read(), new, old)

    assert kept.identity("deployment.web").labels == {"app": "web"}
    assert kept.identity("deployment.web").named_ports == {"TCP/http": 8080}


def test_a_pod_without_an_address_of_its_own_is_seen_under_none():
    kept = Kept(read(), pod("web-1", 0, WEB, None))

    assert kept.identity("deployment.web").identity.aliases == ()
    assert kept.addresses() == {"deployment.web": FIRST}


def test_a_pod_with_an_address_of_the_range_is_refused_and_not_seen_under_it():
    kept = Kept(read())

    said = kept.tell(pod("web-1", 0, WEB, THIRD))

    assert refused(said) == ["range-overlaps"] == refused(kept.again(1))
    assert kept.identity("deployment.web").identity.aliases == ()


def test_two_workloads_with_one_label_set_share_it():
    both = {"app": "web"}
    kept = Kept(read(), pod("blue-1", 0, deployment("blue", both), X))

    said = told(kept.tell(pod("green-1", 1, deployment("green", both), Y)))
    shared = {claim.pod.name: claim.pod.identity.shared_with for claim in said}
    alone = told(kept.tell(gone(pod("blue-1", 0, deployment("blue", both), X), 2)))

    assert shared == {
        "deployment.blue": "local/default/green-1",
        "deployment.green": "local/default/blue-1",
    }
    assert {claim.pod.name: claim.pod.identity.shared_with for claim in alone} == {
        "deployment.blue": "local/default/green-1",
        "deployment.green": "",
    }


@pytest.mark.parametrize("namespace", ["default", "other"])
def test_labels_are_shared_within_a_namespace_only(namespace: str):
    stray = pod("stray", 1, None, Y, labels={"app": "web", "x": "y"}, namespace=namespace)
    kept = Kept(read(), pod("web-1", 0, WEB, X), stray)

    shared = kept.identity("deployment.web").identity.shared_with
    assert shared == ("local/default/stray" if namespace == "default" else "")


def test_who_takes_the_label_off_shares_it_no_more():
    kept = Kept(read(), pod("web-1", 0, WEB, X), pod("stray", 1, None, Y, labels={"app": "web"}))

    (freed, _) = told(kept.tell(pod("stray", 2, None, Y, labels={"app": "stray"})))

    assert (freed.pod.name, freed.pod.identity.shared_with) == ("deployment.web", "")


def test_the_claims_of_services_go_on_as_they_are():
    fact = pod("shop", 0, None, "10.96.0.1", service=Service(selector={"app": "web"}))

    assert Kept().tell(fact) == [Send(GRAPH_FACTS, fact.graph, fact)]


def test_what_is_forgotten_has_left_its_address_and_nothing_else():
    kept = Kept(read(), pod("web-1", 0, WEB, X), gone(pod("web-1", 0, WEB, X), 1))
    kept.wait(GRACE)
    kept.tell(over())
    for _ in range(2):
        kept.forget()
        kept.tell(over())

    assert set(kept.rows) == {"main|synced", "main|forgotten", f"main|freed|{FIRST}"}


def test_a_row_that_changes_again_and_again_keeps_no_more_than_a_replay_could_ask_for() -> None:
    kept = Kept(read())

    for rev in range(0, 200, 2):
        born = pod("web-1", rev, WEB, uid=f"uid-{rev}")
        kept.tell(born, gone(born, rev + 1))
        kept.state.note_committed(len(kept.log) - 2)

    assert max(len(row.versions) for row in kept.rows.values()) < 10


def test_what_is_committed_has_had_its_effect_and_is_not_taken_again():
    kept = Kept(read(), pod("web-1", 0, WEB, X), pod("db-1", 1, DB, Y))
    kept.forget()
    kept.restart()
    before = dict(kept.rows)

    assert [kept.again(offset) for offset in range(3)] == [[]] * 3
    assert kept.rows == before
    assert kept.addresses() == {"deployment.web": FIRST, "deployment.db": SECOND}


def test_who_names_an_owner_without_a_selector_and_shares_no_label_with_its_pods_is_named() -> None:
    owned = Workload(kind="Database", name="main")
    kept = Kept(read(), *(pod(f"main-{n}", n, owned, labels={"app": "main"}) for n in (0, 1)))
    key = "database.main"
    assert kept.identity(key).identity.selector == {"app": "main"}

    kept.tell(pod("odd", 2, owned, labels={"app": "odd"}))
    assert (kept.identity(key).identity.selector, kept.identity(key).identity.stray) == (
        {},
        "local/default/odd",
    )

    kept.tell(gone(pod("odd", 2, owned, labels={"app": "odd"}), 3))
    assert (kept.identity(key).identity.selector, kept.identity(key).identity.stray) == (
        {"app": "main"},
        "",
    )
