"""The syntaxes a policy can be written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streams.policy.dialects import kubernetes
from streams.policy.model import PodPolicy

Manifest = dict[str, Any]
# The policy, the name of our installation, annotations.
Render = Callable[[PodPolicy, str, Mapping[str, str]], Manifest]

DIALECTS: dict[str, Render] = {"kubernetes": kubernetes.render}
