"""Who lived at a moment, and which policies the cluster should have held: as it is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agents.asking.past import read_then
from agents.asking.stored import as_stored
from deploy.cli.differing import Difference, differ
from deploy.judging import judging_of
from streams.flow.replaying import Replay
from streams.policy.changing import changes
from streams.policy.dialects.standing import NAME, render
from streams.policy.flows import Flows
from streams.policy.reach import name_of
from streams.settings import Settings

Json = Mapping[str, Any]
LARGEST_FILE = 256 << 20


@dataclass(frozen=True)
class Picture:
    """Pods and policies, as the API server stores them, by namespace/name."""

    pods: Mapping[str, Json]
    policies: Mapping[str, Json]

    @cached_property
    def flows(self) -> Flows:
        """What they let each pod send to each other."""
        return Flows(self.pods, self.policies.values())


def picture_of(replay: Replay, settings: Settings) -> Picture:
    """Return what a replay came to."""
    here = f"{settings.cluster.name}/"
    pods = {
        key.removeprefix(here): as_stored(pod)
        for key, pod in replay.pods().items()
        if key.startswith(here) and pod.address is not None
    }
    policies = {
        key.removeprefix(here): patch.manifest
        for key, patch in replay.patches().items()
        if key.startswith(here) and patch.manifest is not None
    }
    if settings.cluster.isolation == "namespace":
        for namespace in sorted({pod["metadata"]["namespace"] for pod in pods.values()}):
            policies[f"{namespace}/{NAME}"] = render(namespace, settings.instance)
    return Picture(pods, policies)


def read_picture(path: Path) -> Picture:
    """Read what `vereflow replay -o json` wrote; raise ValueError if that is something else."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{path}: larger than {LARGEST_FILE} bytes")
        then = read_then(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(f"{path}: not what `vereflow replay -o json` writes") from error
    return Picture(then.stored.pods, {name_of(each): each for each in then.stored.policies})


def compare(before: Picture, after: Picture, settings: Settings) -> Difference:
    """Return what changed, or would change, from one to the other."""
    outside = judging_of(settings).outside
    return differ(before.policies, after.policies, changes(before.flows, after.flows, outside))
