"""Tokens as the API server would have signed them at another time (RFC 7515, ES256)."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def expiring(token: str, key: Path, seconds: int) -> str:
    """Return the same token, expiring in so many seconds, and issued as much earlier or later."""
    header, encoded, _ = token.split(".")
    claims = json.loads(_decoded(encoded))
    earlier = claims["exp"] - int(time.time()) - seconds
    for when in ("iat", "nbf", "exp"):
        claims[when] -= earlier
    signed = f"{header}.{_encoded(json.dumps(claims).encode())}"
    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    halves = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{_encoded(b''.join(each.to_bytes(32, 'big') for each in halves))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
