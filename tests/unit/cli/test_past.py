"""What a replay came to can be shown, kept, read by another version, and compared."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agents.asking.past import read_then
from deploy.cli.past import Picture, compare, picture_of, read_picture
from deploy.cli.replay import try_on
from deploy.cli.replayed import Replayed
from deploy.cli.replaying import MOST_RULES, Past, replay_of, said
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from streams.settings import load
from tests.unit.flow.records import allow, at, change, claim, listed, opening, told

Json = dict[str, Any]
SETTINGS = load(graph={"name": "main"}, kafka={"partitions": 1})
PODS = [*opening(), claim("a", 0), claim("b", 1)]
RULE = change(0, added=(allow("a", "b"),))


def past(*facts: GraphFact) -> Past:
    found = Past((replay_of(SETTINGS),), None)
    for offset, fact in enumerate(facts):
        found.take(fact, at(offset).model_copy(update={"at": 1_000.0 + offset}))
    return found


def picture(*facts: GraphFact) -> Picture:
    return picture_of(past(*facts).replay, SETTINGS)


def replayed(*facts: GraphFact, **more: Any) -> Replayed:
    found = past(*facts)
    return Replayed(found, picture_of(found.replay, SETTINGS), [], **more)


def shown(found: Replayed) -> str:
    console = Console(width=200, file=StringIO())
    for part in found.page():
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_replay_says_how_far_it_came_who_lived_and_who_reached_whom() -> None:
    data = replayed(*PODS, RULE).as_data()

    assert data["replay"] == {
        "frame": None,
        "facts": 5,
        "fact": 4,
        "at": "1970-01-01T00:16:44.000+00:00",
    }
    assert [each["name"] for each in data["pods"]] == ["default/a", "default/b"]
    assert [each["name"] for each in data["policies"]] == ["default/a", "default/b"]
    assert data["reach"] == [{"from": "default/a", "to": "default/b", "ports": "TCP 80"}]
    json.dumps(data)


def test_two_moments_differ_by_what_was_written_and_what_opened() -> None:
    found = compare(picture(*PODS), picture(*PODS, RULE), SETTINGS)

    assert (found.create, found.update, found.delete) == ([], ["default/a", "default/b"], [])
    assert [(each["opens"], each["pairs"]) for each in found.flows] == [
        ("TCP 80", ["default/a -> default/b"])
    ]
    assert found.counted == "update 2 policies, open something for 1 pairs, close for 0"


def test_of_a_pod_that_is_not_there_nothing_is_open() -> None:
    gone = claim("b", 9, live=False)
    before, after = picture(*PODS, RULE), picture(*PODS, RULE, gone)

    there = compare(before, after, SETTINGS)
    back = compare(after, before, SETTINGS)

    assert (there.update, there.delete) == (["default/a"], ["default/b"])
    assert [each["closes"] for each in there.flows] == ["TCP 80"]
    assert [each["opens"] for each in back.flows] == ["TCP 80"]


def test_outside_flows_of_pods_that_come_and_go_are_compared_as_well() -> None:
    settings = load(cluster={"pod_ranges": ["10.0.0.0/24"]}, kafka={"partitions": 1})
    alone = picture(*opening())
    rule = change(0, added=(allow("a", "192.0.2.7"),))
    replay = replay_of(settings)
    for offset, fact in enumerate([*PODS, rule]):
        replay.take(fact, at(offset))

    found = compare(alone, picture_of(replay, settings), settings)

    assert {pair for each in found.flows for pair in each["pairs"]} == {"default/a -> 192.0.2.7"}


def test_what_is_written_is_read_again_as_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(replayed(*PODS, RULE).as_data()))

    found = compare(read_picture(file), picture(*PODS, RULE), SETTINGS)

    assert found.nothing
    assert found.flows == []


def test_a_page_and_a_file_are_read_by_one_reader(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(replayed(*PODS, RULE).as_data()))

    then = read_then(file.read_bytes())

    assert then.stored.pods == read_picture(file).pods
    assert then.stored.policies == list(read_picture(file).policies.values())


def telling(**spec: Any) -> str:
    metadata = {"name": "a", "namespace": "default"}
    manifest = {"metadata": metadata, "spec": {"podSelector": {}} | spec}
    return said_of(policies=[{"name": "default/a", "manifest": manifest}])


def said_of(**told: Any) -> str:
    replay = {"frame": None, "facts": 0, "fact": 0, "at": ""}
    return json.dumps({"replay": replay, "pods": [], "rules": [], "policies": []} | told)


def test_a_file_tells_whatever_a_policy_can_say(tmp_path: Path) -> None:
    block = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}
    file = tmp_path / "before.json"
    file.write_text(telling(egress=[{"to": [block], "ports": [{"port": "http"}, {"port": 80}]}]))

    assert list(read_picture(file).policies) == ["default/a"]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{", "not what"),
        ("[" * 100_000, "not what"),
        ("{}", "not what"),
        ("[]", "not what"),
        (said_of(policies=[{"name": "a"}]), "not what"),
        (said_of(pods=[{"name": "a", "manifest": {"metadata": 5}}]), "not what"),
        (telling(ingress=5), "not what"),
        (telling(ingress=[{"from": [{"podSelector": {"matchLabels": {"a": []}}}]}]), "not what"),
        (telling(egress=[{"to": [{"ipBlock": {"cidr": "everywhere"}}]}]), "not what"),
        (telling(egress=[{"ports": [{"port": 90, "endPort": 80}]}]), "not what"),
        (telling(policyTypes=["Sideways"]), "not what"),
        (telling(priority=1), "not what"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, written: str, why: str) -> None:
    file = tmp_path / "before.json"
    file.write_text(written)

    with pytest.raises(ValueError, match=why):
        read_picture(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_picture(tmp_path / "nowhere.json")


def test_other_settings_change_what_they_say_and_not_where_is_read(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("kafka:\n  broker: elsewhere:1\nrules:\n  exactness: strict\n")
    ours = load(rules={"reverse": True})

    other = try_on(ours, file)

    assert (other.rules.exactness, other.rules.reverse) == ("strict", True)
    assert other.kafka == ours.kafka


def test_a_setting_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("rules:\n  exactnes: strict\n")

    with pytest.raises(ValueError, match="exactnes"):
        try_on(load(), file)


def test_other_settings_read_the_same_facts_differently() -> None:
    strict = load(rules={"exactness": "strict"}, kafka={"partitions": 1})
    found = Past((replay_of(SETTINGS), replay_of(strict)), None)
    rule = allow("a", "b").model_copy(update={"src_port": "80"})
    for offset, fact in enumerate([*PODS, change(0, added=(rule,))]):
        found.take(fact, at(offset))

    pictures = [picture_of(replay, SETTINGS) for replay in found.replays]

    assert [each["closes"] for each in compare(*pictures, SETTINGS).flows] == ["TCP 80"]


def test_people_see_pods_or_what_changed() -> None:
    plain = shown(replayed(*PODS, RULE))
    difference = compare(picture(*PODS), picture(*PODS, RULE), SETTINGS)
    changed = shown(replayed(*PODS, RULE, difference=difference, changes=[]))

    assert "b TCP 80" in plain
    assert "2 pods, 0 rules, 2 policies after fact 4" in plain
    assert "default/a -> default/b" in changed
    assert "update 2 policies" in changed


def test_a_policy_is_shown_whole_or_refused() -> None:
    found = replayed(*PODS)

    assert "kind: NetworkPolicy" in "\n".join(found.whole("a"))
    with pytest.raises(ValueError, match="no policy 'nobody' at that moment"):
        list(found.whole("nobody"))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (told("ADDED", "u", "10.0.0.11", 1), "ADDED pod default/a at 10.0.0.11"),
        (told("DELETED", "u", None, 1), "DELETED pod default/a at no address"),
        (PodEvent(mark=listed(1)), "LIST_COMPLETE of local"),
        (RULE.change, "10.9.0.1: + ALLOW TCP 10.0.0.11:* -> 10.0.0.12:80"),
        (change(0, gone=True).change, "10.9.0.1: gone"),
        (change(0, elements=(allow("a", "b"),)).change, "10.9.0.1: 1 rules in all"),
        (change(0, defaultAction="DENY").change, "10.9.0.1: default DENY"),
        (
            FirewallChange(graph="main", mark=Mark(kind=MarkKind.FIREWALLS_READ, id="r")),
            "FIREWALLS_READ of main",
        ),
        (opening()[0], "LIST_COMPLETE of local"),
        (claim("a", 0), "GraphFact"),
        (None, "not kept any more"),
    ],
)
def test_a_cause_is_one_line(record: Any, words: str) -> None:
    assert said(record) == words


def test_of_many_rules_a_few_are_named() -> None:
    rules = tuple(allow("a", "b", port) for port in range(1, 11))

    words = said(change(0, removed=rules).change)

    assert words.count("- ALLOW") == MOST_RULES
    assert words.endswith(f"and {10 - MOST_RULES} more")
