"""Every code we give as a reason: what it means, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A stable word, for programs; its meaning and the advice are for people."""

    meaning: str
    advice: str

    def __new__(cls, code: str, meaning: str, advice: str) -> Self:
        """Return the word that bears its meaning and the advice."""
        word = str.__new__(cls, code)
        word._value_ = code
        word.meaning = meaning
        word.advice = advice
        return word


_SENDER = "Mend whoever sends it; the letter has the bytes and where they lay."
_OURS = "Report it, with the letter: no record should be able to do this."
_OTHERS = "No policy can say it: live with the difference, or change the rule."


class LetterReason(Code):
    """Why a record became a dead letter."""

    EMPTY = "empty", "The record has no bytes.", _SENDER
    TOMBSTONE = "tombstone", "The record has no value at all.", _SENDER
    TOO_LARGE = (
        "too-large",
        "The record, or what would follow from it, is larger than 1 MB.",
        "Send it in parts: a firewall's list as `added` and `removed`.",
    )
    UNREADABLE = (
        "unreadable",
        "It is not put together as a record of Kafka's is, or a header's name is no UTF-8.",
        _SENDER,
    )
    NOT_UTF8 = "not-utf8", "The bytes are no UTF-8.", _SENDER
    NOT_JSON = "not-json", "The text is no JSON.", _SENDER
    NOT_AN_OBJECT = "not-an-object", "It is JSON, but no object.", _SENDER
    TOO_DEEP = "too-deep", "Objects or lists are nested too deeply.", _SENDER
    DUPLICATE_KEY = (
        "duplicate-key",
        "A name occurs twice in one object, so that two parsers could read it differently.",
        _SENDER,
    )
    NUMBER_TOO_BIG = "number-too-big", "A number is larger than any that is meant here.", _SENDER
    LONE_SURROGATE = "lone-surrogate", "A text has half of a UTF-16 pair.", _SENDER
    MISSING_FIELD = "missing-field", "A field that is needed is not there.", _SENDER
    BAD_FIELD = "bad-field", "A field says what it cannot say.", _SENDER
    BAD_KEY = (
        "bad-key",
        "The key is not UTF-8, or is another one than the content has.",
        "Send it under its own key, or under any key for the first time: it is sent on once.",
    )
    UNKNOWN_GRAPH = (
        "unknown-graph",
        "A rule is for a graph that nobody keeps here.",
        "Name the graph of `graph.name`, in the record or as its key.",
    )
    UNKNOWN_CLUSTER = (
        "unknown-cluster",
        "A pod, or a listing of pods, is of a cluster whose pods are not in the graph.",
        "Name the cluster in `graph.clusters`, or keep its watcher away.",
    )
    UNKNOWN_FIREWALL = (
        "unknown-firewall",
        "A rule is of a firewall that this graph does not have.",
        "Name a star's, `graph.firewall`, or one of those from `graph.base` on.",
    )
    DEFAULT_ALLOW = (
        "default-allow",
        "A firewall lets through whatever no rule mentions, which would open all pods.",
        "Let it deny by default, or set `rules.default_allow`.",
    )
    BLAST_LIMIT = (
        "blast-limit",
        "A change of the rules would open something for more pods than one change may.",
        "If it is meant, send it with `beyondLimit: true`. What was read in Verefoo is told again "
        "when its list is made smaller, or after a restart with a higher `rules.blast_limit`.",
    )
    RESERVED_ADDRESS = (
        "reserved-address",
        "A pod or a Service has the address of a firewall.",
        "Set `graph.firewall` and `graph.base` to addresses outside of their ranges.",
    )
    ADDRESS_TWICE = (
        "address-twice",
        "Two clusters have pods with one address, or Services with one that a rule names: for as "
        "long it is nobody's.",
        "Give the clusters ranges that do not overlap, or set `cluster.identity`: then nodes have "
        "addresses of their own.",
    )
    RANGE_EXHAUSTED = (
        "range-exhausted",
        "No address is left for an identity: it is isolated, and no rule can name it.",
        "Give `graph.identities` a larger range, or `graph.grace_minutes` a shorter time.",
    )
    RANGE_OVERLAPS = (
        "range-overlaps",
        "A pod has an address of the range from which identities get theirs.",
        "Set `graph.identities` to a range that nobody else has; until then no rule that names "
        "the pod's own address means it.",
    )
    TOO_MANY_STRANGERS = (
        "too-many-strangers",
        "Too many living pods came by topic that no watcher has seen; the others are served.",
        "See who may write to `pod-events`; if they are real, raise `cluster.strangers`.",
    )
    TOO_MANY_PEERS = (
        "too-many-peers",
        "Rules let one pod talk with more peers than one policy can hold.",
        "Narrow the rules; the pod keeps the policy it has.",
    )
    BAD_POD = (
        "bad-pod",
        "The API server told of a pod that no record can express.",
        "Look at the pod that the letter names; until then it is not followed.",
    )
    INTERNAL_ERROR = "internal-error", "A handler tripped over the record.", _OURS
    NO_LETTER = (
        "no-letter",
        "Somebody else wrote to the topic of the dead letters what is none.",
        "Let nobody but the workers write there.",
    )


class InexactReason(Code):
    """Why a policy differs from its rules."""

    SOURCE_PORT = (
        "source-port",
        "The rule asks for source ports; a policy has none.",
        "It is widened to every source port; `rules.exactness: strict` leaves it out instead.",
    )
    NOT_DIRECTIONAL = (
        "not-directional",
        "The rule is for both directions; it is applied in the one that it is written in.",
        "Write a second rule or set `rules.reverse`, if a connection is to begin at the other end.",
    )
    ORDER_UNKNOWN = (
        "order-unknown",
        "An ALLOW and a DENY match the same flows in a list without an order: DENY wins.",
        "Make them disjoint, or send the list by topic and say `ordered`.",
    )
    PROTOCOL_OTHER = (
        "protocol-other",
        "The rule is for protocols other than TCP, UDP and SCTP; a policy names none of them.",
        _OTHERS,
    )
    ICMP = (
        "icmp",
        "ICMP is allowed together with only a part of all ports; a policy opens it with all ports.",
        _OTHERS,
    )
    PORT_ZERO = (
        "port-zero",
        "Port 0 is allowed, or denied among others; a policy begins with port 1.",
        _OTHERS,
    )
    UNKNOWN_ADDRESSES = (
        "unknown-addresses",
        "The rule reaches beyond the pods that are known; a policy of ours names pods.",
        "Nothing, if only pods were meant: those that match are let through.",
    )
    DEFAULT_ALLOW_OUTSIDE = (
        "default-allow-outside",
        "The firewall allows by default, also to addresses that no pod holds; a policy does not.",
        "Nothing, if only pods were meant.",
    )
    UNSELECTABLE = (
        "unselectable",
        "The peer's label `app` does not say its name, so no policy can point at it; or the pods "
        "of an identity have no label in common.",
        "Give the peer the label `app: <its name>`, or set `cluster.selection: label`; give the "
        "pods of an identity a label of their own.",
    )
    SHARED_LABEL = (
        "shared-label",
        "Another pod wears the label of this pod or of its peer, and may do what that pod may. "
        "Where it wears all labels of an identity, neither may anything.",
        "Take the label from the other pod, or set `cluster.selection: label`. Under "
        "`rules.exactness: strict` neither may anything.",
    )
    SOURCE_NAT = (
        "source-nat",
        "The rule names an address of a load balancer, or an external one of a Service: who comes "
        "that way may be seen under an address of a node, which no policy for pods lets in.",
        "Name the Service's own address; or set `externalTrafficPolicy: Local` on the Service.",
    )
    SERVICE_ABROAD = (
        "service-abroad",
        "The rule names an address of a Service in another cluster, and by `graph.links` packets "
        "are sent there to pods' own addresses: only to these is anything let out.",
        "Have the link say where packets are sent: `dialled` with the address of the Service.",
    )
    HOST_NETWORK = (
        "host-network",
        "Some pods of the identity are on the network of their node: they are neither isolated "
        "nor let in anywhere, and what is allowed to them opens nothing.",
        "Take them off the host's network, or close their nodes by other means.",
    )
    OTHER_CLUSTER = (
        "other-cluster",
        "The peer lives in another cluster, whose pods no policy of this one can select, and no "
        "`graph.links` says how the two see each other.",
        "Say it, for this pair and this direction.",
    )
    SHARED_ADDRESS = (
        "shared-address",
        "A peer in another cluster is met at an address that others there have as well: what it "
        "may do, they may. An address that two claim as their own is nobody's.",
        "Have pods' own addresses routed between the clusters, from ranges that do not overlap. "
        "`vereflow policies NAME` names who shares the address; under `rules.exactness: strict` "
        "nothing is allowed there.",
    )


class EventReason(Code):
    """What is said in Kubernetes, as an Event of a pod or of a policy."""

    POLICY_REFUSED = (
        "PolicyRefused",
        "The API server declined the policy, or it is not ours to write: its rules do not hold.",
        "Mend what the message names; it is asked again within five minutes.",
    )
    POLICY_FOREIGN = (
        "PolicyForeign",
        "A policy of that name is somebody else's and is left alone: the rules do not hold.",
        "Rename or delete it: ours is written then.",
    )
    POD_UNPROTECTED = (
        "PodUnprotected",
        "No policy can select the pod, or the pods of the identity: the rules do not hold.",
        "Give the pod the label `app: <its name>`, or all pods of an identity one of their own.",
    )
    POLICY_INEXACT = (
        "PolicyInexact",
        "The policy cannot say all that its rules do; the message says how often and which way.",
        "`vereflow policies NAME` has the rules, each with an example.",
    )
    POLICY_IN_FORCE = (
        "PolicyInForce",
        "What was said before of the policy is over: it is stored as its rules want it.",
        "Nothing.",
    )
    FIELDS_TAKEN_BACK = (
        "FieldsTakenBack",
        "Somebody had changed the policy; it is as its rules want it again.",
        "Say what is meant as a rule, or have whoever the message names leave it alone.",
    )
