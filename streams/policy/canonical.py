"""The one spelling of a manifest, its digest, and whether two specs mean the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from streams.policy.meaning import meaning, text_of


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """Return the manifest in its one spelling: the same meaning has the same bytes.

    Annotations count as they are given: leave out those that change without meaning.
    """
    return text_of({**manifest, "spec": meaning(manifest["spec"])}).encode()


def digest(content: bytes) -> str:
    """Return the first half of the content's SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[:32]


def spec_equal(stored_spec: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Tell whether a spec, as the API server returns it, still means what we wrote."""
    return meaning(stored_spec) == meaning(spec)
