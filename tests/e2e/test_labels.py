"""Pods that their ``app`` label does not pick out are protected by a label of ours.

And nobody becomes another pod by wearing it.
"""

from __future__ import annotations

import time

import httpx
import pytest

from deploy.local_cluster import APISERVER
from streams.policy.selection import OWN_LABEL
from tests.e2e.acting import Actor, until_true
from tests.e2e.conftest import Start
from tests.e2e.test_commands import Asking, allow

PODS_PATH = "/api/v1/namespaces/default/pods"
# Two of one Deployment, one with a name too long for any label, one that is picked out by app.
PODS = {
    "web-7d4b9-x2x5p": ("10.244.7.11", {"app": "web"}),
    "web-7d4b9-q9q2k": ("10.244.7.12", {"app": "web"}),
    "n" * 80: ("10.244.7.13", {}),
    "db": ("10.244.7.14", {"app": "db"}),
}
ONE, OTHER, LONG, DB = (address for address, _ in PODS.values())


async def test_each_pod_of_a_deployment_gets_what_its_rules_say(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__SELECTION", "label")
    actor = await start(workers=2)
    asking = Asking(actor)
    for name, (address, labels) in PODS.items():
        await actor.add_pod(name, address, labels)
    await actor.write_rules([allow(ONE, DB), allow(DB, LONG, "9000-9100")])
    await until_true(lambda: stamped(actor))
    await actor.settled()

    selectors = {
        name: policy["spec"]["podSelector"]["matchLabels"]
        for name, policy in (await actor.policies()).items()
    }
    uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in await actor.pods()}
    assert selectors == {
        **{name: {OWN_LABEL: uids[name]} for name in PODS if name != "db"},
        "db": {"app": "db"},
    }
    await asking.ends(0, "verify")
    reach = await actor.stored_reach()
    assert (reach[ONE, DB].tcp, reach[OTHER, DB].tcp) == (((80, 80),), ())
    assert reach[DB, LONG].tcp == ((9000, 9100),)

    await a_thief_gets_nothing(actor, asking, uids["web-7d4b9-x2x5p"])


async def a_thief_gets_nothing(actor: Actor, asking: Asking, victim: str) -> None:
    """Wear the victim's label on another pod: it is refused, or put right."""
    thief = f"{PODS_PATH}/web-7d4b9-q9q2k"
    began = time.monotonic()
    body = {"metadata": {"labels": {OWN_LABEL: victim}}}
    stealing = actor.merge(thief, body)
    if actor.world.plan.kube == APISERVER:
        # labels.yaml is in force there.
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await stealing
        return
    await stealing
    await until_true(lambda: stamped(actor))
    print(f"put right after {1000 * (time.monotonic() - began):.0f} ms")
    await actor.settled()
    await asking.ends(0, "verify", "--within", "60")


async def stamped(actor: Actor) -> bool:
    """Tell whether our label says every pod's own uid, except where app picks the pod out."""
    return all(
        pod["metadata"].get("labels", {}).get(OWN_LABEL)
        == (None if pod["metadata"]["name"] == "db" else pod["metadata"]["uid"])
        for pod in await actor.pods()
    )
