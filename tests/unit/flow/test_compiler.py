"""Views of one pod become one policy, and one patch whenever that means something else."""

from __future__ import annotations

from streams.flow import compiler
from streams.flow.output import Outputs, Send
from streams.policy.labels import EXACTNESS, GRAPH, SELECTS
from streams.records.marks import Mark, MarkKind
from streams.records.policies import PodRules
from streams.records.views import (
    Allowance,
    Direction,
    Errs,
    Identity,
    Inexactness,
    PodRef,
    PortSpan,
)
from tests.unit.flow.records import COMPILING, at

KEY = "local/default/a"
B = PodRef(cluster="local", namespace="default", name="b", uid="ub", labels={"app": "b"})


def pod(uid: str = "u1", incarnation: int = 0, label: str = "a") -> PodRef:
    known = {"cluster": "local", "namespace": "default", "name": "a", "labels": {"app": label}}
    return PodRef(uid=uid, incarnation=incarnation, **known)


def view(revision: int, *ports: int, graph: str = "main", gone: bool = False, **of) -> PodRules:
    spans = tuple(PortSpan(protocol="TCP", first=port, last=port) for port in ports)
    allowance = Allowance(direction=Direction.EGRESS, peer=B, ports=spans)
    return PodRules(
        graph=graph,
        subject=pod(**of),
        revision=revision,
        epoch=1,
        gone=gone,
        allowances=(allowance,) if ports else (),
    )


class Compiled:
    def __init__(self) -> None:
        self.rows: dict[str, compiler.PodRulesRow] = {}
        self.views: list[PodRules] = []

    def tell(self, *views: PodRules) -> Outputs:
        return [sent for each in views for sent in self._one(each)]

    def again(self, offset: int) -> Outputs:
        return compiler.handle(self.rows, self.views[offset], KEY, at(offset), COMPILING)

    def _one(self, said: PodRules) -> Outputs:
        self.views.append(said)
        return self.again(len(self.views) - 1)


def ports(sent: Send) -> list[int]:
    rules = sent.value.manifest["spec"]["egress"]
    return sorted(port["port"] for rule in rules for port in rule.get("ports", ()))


def test_a_view_that_means_the_same_is_not_said_again():
    assert len(Compiled().tell(view(1, 80), view(2, 80), view(3, 80))) == 1


def test_the_first_view_of_a_new_epoch_is_said_again_for_who_lost_what_was_wanted():
    compiled = Compiled()
    (first,) = compiled.tell(view(1, 80))
    (again,) = compiled.tell(view(1, 80).model_copy(update={"epoch": 2}))

    assert again == first
    assert compiled.tell(view(2, 80).model_copy(update={"epoch": 2})) == []


def test_an_older_view_changes_nothing():
    assert len(Compiled().tell(view(2, 80), view(1, 443))) == 1


def test_there_and_back_is_two_patches_with_rising_revisions():
    first, second, third = Compiled().tell(view(1, 80), view(2), view(3, 80))

    orders = [sent.value.revision.order for sent in (first, second, third)]
    assert orders == sorted(set(orders))
    assert first.value.digest == third.value.digest


def test_a_view_met_again_says_what_stands_now():
    pods = Compiled()
    pods.tell(view(1, 80), view(2, 443))

    assert [ports(sent) for offset in (0, 1) for sent in pods.again(offset)] == [[443], [443]]


def test_two_graphs_are_united_and_leave_one_by_one():
    pods = Compiled()

    sent = pods.tell(view(1, 80), view(7, 443, graph="other"), view(8, graph="other", gone=True))

    assert [ports(each) for each in sent[:2]] == [[80], [80, 443]]


def test_another_uid_is_another_policy_even_if_it_means_the_same():
    first, second = Compiled().tell(view(1, 80), view(2, 80, uid="u2", incarnation=5))

    assert (first.value.pod_uid, second.value.pod_uid) == ("u1", "u2")
    assert first.value.revision.order < second.value.revision.order


def test_a_pod_that_is_gone_wants_no_policy():
    sent = Compiled().tell(view(1, 80), view(2, gone=True))

    assert sent[-1].value.manifest is None
    assert sent[-1].value.pod_uid == "u1"


def test_a_label_that_picks_out_nobody_is_said():
    (sent,) = Compiled().tell(view(1, 80, label="web"))

    assert sent.value.manifest is None
    assert "label" in sent.value.unprotected


def test_a_mark_goes_on_in_its_own_partition():
    mark = Mark(kind=MarkKind.SYNCED, id="l", graph="main", epoch=1)

    (sent,) = compiler.handle({}, PodRules(graph="main", mark=mark), "m", at(3, 5), COMPILING)

    assert (sent.topic, sent.partition, sent.value.mark) == ("policy-patches.local", 5, mark)


def inexact(revision: int, *errs: Errs, example: str = "") -> PodRules:
    said = (Inexactness(rule="r", errs=each, reason="x", example=example) for each in errs)
    return view(revision, 80).model_copy(update={"inexact": tuple(said)})


def labels(sent: Send) -> dict[str, str]:
    told = sent.value.manifest["metadata"]["labels"]
    return {name: told[name] for name in (SELECTS, GRAPH, EXACTNESS)}


def test_labels_say_whom_a_policy_is_for_by_which_graph_and_how_exact_it_is():
    shop = Identity(kind="Deployment", name="a", selector={"app": "a"})
    told = view(1, 80)
    of_shop = told.subject.model_copy(update={"identity": shop})
    compiled = Compiled()

    (first,) = compiled.tell(inexact(1, Errs.WIDER))
    (second,) = compiled.tell(view(1, 81, graph="other"))
    (third,) = Compiled().tell(told.model_copy(update={"subject": of_shop}))

    assert labels(first) == {SELECTS: "pod", GRAPH: "main", EXACTNESS: "wider"}
    assert labels(second) == {SELECTS: "pod", GRAPH: "several", EXACTNESS: "wider"}
    assert labels(third) == {SELECTS: "identity", GRAPH: "main", EXACTNESS: "exact"}


def test_how_exact_it_is_is_said_of_what_is_written_and_makes_no_write_of_its_own():
    sent = Compiled().tell(
        view(1, 80),
        inexact(2, Errs.WIDER),
        inexact(3, Errs.WIDER, Errs.NARROWER).model_copy(update={"allowances": ()}),
    )

    assert [labels(each)[EXACTNESS] for each in sent] == ["exact", "exact", "inexact"]
    # The second is told to who reports, and is the first to the cluster.
    assert [each.value.revision.offset for each in sent] == [0, 0, 2]


def test_what_was_written_before_there_were_labels_gets_them_with_its_next_write_only():
    compiled = Compiled()
    (sent,) = compiled.tell(view(1, 80))
    row = compiled.rows[KEY]
    for label in (SELECTS, GRAPH, EXACTNESS):
        del sent.value.manifest["metadata"]["labels"][label]
    compiled.rows[KEY] = row.model_copy(update={"patch": sent.value})

    assert compiled.tell(view(2, 80)) == []
    (anew,) = compiled.tell(view(3, 80).model_copy(update={"epoch": 2}))
    assert anew.value == sent.value
    (next_one,) = compiled.tell(view(4, 81).model_copy(update={"epoch": 2}))
    assert labels(next_one)[EXACTNESS] == "exact"
