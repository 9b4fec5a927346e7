"""The files of a secret from which pages have their login and TLS, with a CA of their own."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import trustme

TOKEN = "0123456789abcdef0123456789abcdef"


class SecretFiles:
    """A folder in which each file is replaced as a whole, as in a mounted secret."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.authority = trustme.CA()
        self.put("ca", self.authority.cert_pem.bytes())
        self.certify(self.authority, host)
        self.put("token", f"{TOKEN}\n".encode())

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def put(self, name: str, content: bytes) -> Path:
        """Replace a file, or make it."""
        (self / "new").write_bytes(content)
        os.replace(self / "new", self / name)
        return self / name

    def certify(self, authority: trustme.CA, host: str) -> None:
        """Replace the certificate by one of this authority's."""
        leaf = authority.issue_cert(host)
        self.put("key", leaf.private_key_pem.bytes())
        self.put("certificate", b"".join(each.bytes() for each in leaf.cert_chain_pems))

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the web that name these files."""
        names = ("certificate", "key", "ca")
        return {"token_file": str(self / "token"), **{name: str(self / name) for name in names}}

    @property
    def trust(self) -> ssl.SSLContext:
        """What knows the authority."""
        return ssl.create_default_context(cafile=self / "ca")
