"""Every code that is given as a reason, from the enumerations that hold them."""

from __future__ import annotations

from streams.records.policies import Outcome
from streams.records.reasons import Code, EventReason, InexactReason, LetterReason
from tests.house.pages.markdown import code, page, table

INTRO = """
The codes by which programs tell one reason from another, and what people can do. They are stable:
a code is neither renamed nor given another meaning. Beside each stands a detail in words, which
may change.
""".strip()
LETTERS = """
A record that cannot be handled is put among the dead letters, once, with its bytes and with the
place where it lay. `vereflow dead-letters` lists them; the metric is
`vereflow_dead_letters_total{reason}`.
""".strip()
INEXACT = """
A NetworkPolicy cannot say everything that a rule can. Each difference is reported with the way it
errs: `wider`, more gets through than the rule lets, or `narrower`, less. `vereflow policies NAME`
shows them with an example; the metric is `vereflow_inexact_total{reason}`.
""".strip()
OUTCOMES = """
What came of a policy on its way to the cluster: `vereflow policies`, and the metric
`vereflow_outcomes_total{outcome}`. A policy to which the cluster has not answered yet is shown as
`PENDING`.
""".strip()

EVENTS = """
What is said in Kubernetes, where `kubectl describe pod` and `kubectl get events` show it: Events of
a pod, or of the policy where nodes are identities. Of each policy it is the newest, five a second
at most.
""".strip()


def reasons() -> str:
    """Return the page of reasons."""
    return page(
        "Reasons",
        INTRO,
        "## Dead letters",
        LETTERS,
        _table(LetterReason),
        "## Differences between rules and policies",
        INEXACT,
        _table(InexactReason),
        "## Outcomes",
        OUTCOMES,
        _table(Outcome),
        "## Events",
        EVENTS,
        _table(EventReason),
    )


def _table(kind: type[Code]) -> str:
    return table(
        ("code", "meaning", "what to do"),
        [(code(each.value), each.meaning, each.advice) for each in kind],
    )
