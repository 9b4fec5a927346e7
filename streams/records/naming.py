"""Names of identities, as settings and Verefoo say them: ``cluster/namespace/kind/name``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from streams.records.addresses import PodAddress

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_IDENTITY = re.compile(rf"{_LABEL}/{_LABEL}/[A-Za-z][A-Za-z0-9]{{0,62}}/[A-Za-z0-9._:-]{{1,253}}")


def check_identity_name(text: str) -> str:
    """Return the name of an identity; raise ValueError for what can be none."""
    if _IDENTITY.fullmatch(text) is None:
        raise ValueError("an identity is CLUSTER/NAMESPACE/KIND/NAME")
    return text


IdentityName = Annotated[str, AfterValidator(check_identity_name)]
# By the address under which each is seen; of the longest names they are half of a largest record.
Elsewhere = Annotated[dict[PodAddress, IdentityName], Field(max_length=1000)]
