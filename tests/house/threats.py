"""Who might want what of vereflow, by the ids under which tests speak of it, and what is done."""

from __future__ import annotations

from typing import NamedTuple


class Threat(NamedTuple):
    """Somebody, what he could do, and what stands in his way."""

    who: str
    could: str
    control: str


THREATS = {
    "T1": Threat(
        "who may write `firewall-changes`",
        "open any pod to any other",
        "Kafka's rights, without which nobody writes there; what is malformed, of an unknown graph"
        " or allows by default is a dead letter; what no object can hold is refused;"
        " with `rules.blast_limit`, what would open something for more pods than that, and does not"
        " say that it means it, is refused too",
    ),
    "T2": Threat(
        "who may write `pod-events`",
        "invent pods at others' addresses, or end pods that live",
        "Kafka's rights; rules are bound to the uid that held an address, a watcher's word counts"
        " before five fields, and a living pod's policy is closed and never deleted",
    ),
    "T3": Threat(
        "who may write any topic that an agent reads",
        "have an agent answer to a topic of his choice, by Faust's headers or fields; end whoever"
        " reads there, or make him deaf, by a batch that is not put together as it should be",
        "no agent yields, so none answers; bytes are read by codecs of ours alone, batches too;"
        " a login writes to topics of our prefix and to no others",
    ),
    "T4": Threat(
        "who may write a changelog",
        "change rows without an event, or stop their recovery",
        "Kafka's rights; what is no row there stops no recovery",
    ),
    "T5": Threat(
        "who may read topics, files or processes",
        "learn the topology, or a password",
        "Kafka's rights and TLS; passwords and tokens are in files of their owner, and in no"
        " argument, variable, log or page",
    ),
    "T6": Threat(
        "who reaches our ports, or Verefoo's",
        "read the tables, or write rules at Verefoo, which has no login",
        "our pages are on loopback, or else behind TLS and a login, without which no worker starts:"
        " a token that is compared in constant time and guessed seldom, sessions that end, a proxy"
        " that is believed by a token of its own; they are for reading but for dead letters where"
        " that is set, which nobody else's page can ask for, and for no other host's name; none of"
        " Faust's own is there; without a login other machines are served health and metrics alone;"
        " Verefoo may stand behind TLS and a token, which never travels in the clear",
    ),
    "T7": Threat(
        "who may create pods or label them",
        "join a group of peers by wearing its label",
        "a label that another pod wears is reported, and strictly nothing is allowed by it; with"
        " `selection: label` it is one of ours that says the uid of its pod, and an admission"
        " policy lets nobody else write it",
    ),
    "T8": Threat(
        "who takes over a worker",
        "do whatever its logins may",
        "the least rights, each of them needed: no secrets, no wildcards, pods not written without"
        " `labels.yaml`, which allows one label; nothing created at Kafka",
    ),
    "T9": Threat(
        "who takes over a package we install",
        "run code of his",
        "every version is pinned by its hash, and every licence known",
    ),
    "T10": Threat(
        "who answers in place of Verefoo, the API server, a collector of traces or a worker",
        "lead us elsewhere, or have us read without end",
        "the address is set, certificates are checked, no redirect is followed; answers have"
        " bounds in size and time, also once they are unpacked, and are JSON",
    ),
    "T11": Threat(
        "who names pods, and is read in logs and pages",
        "forge a line of a log, or run a script in a browser",
        "one bounded and escaped line for each event; pages escape, and fetch nothing",
    ),
}

LEFT = (
    "A rule that is well-formed and wrong is believed. Whoever may write `firewall-changes`, or"
    " Verefoo, says what is open.",
    "By default a pod that wears another's `app` label may do what was meant for that one, for as"
    " long as nobody heeds the report: `cluster.selection: label` or `rules.exactness: strict` end"
    " that.",
    "One right at Kafka covers all topics of an installation: a worker that was taken over may"
    " write those that it only reads.",
    "What stands in changelogs is not signed.",
    "All clusters of a graph write one `pod-events`: who takes over the part at one of them may"
    " speak of the pods of another.",
)
"""What nothing stands in the way of."""
