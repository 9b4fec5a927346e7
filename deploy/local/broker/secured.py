"""Make what a broker with TLS, logins and rights needs: a certificate, passwords and their proofs.

The certificate is made by keytool, which comes with Java. Passwords are in files that only their
owner reads; a broker is handed what SCRAM stores of them (RFC 5802), never a password.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

from deploy.local.broker.errors import BrokerNotReady

ADMIN, WORKER = "admin", "vereflow"
MECHANISM = "SCRAM-SHA-512"
ROUNDS = 8192
KEYTOOL_WITHIN = 60.0


class Secured:
    """The certificate and the passwords of one broker, made the first time, kept in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store = folder / "broker.p12"
        self.ca = folder / "ca.pem"

    def make(self) -> None:
        """Make what is not there yet; raise BrokerNotReady if keytool does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        for name in ("store", ADMIN, WORKER):
            path = self.password_file(name)
            if not path.exists():
                path.touch(0o600)
                path.write_text(secrets.token_hex(24))
        if not self.store.exists():
            self._keytool(
                *("-genkeypair", "-keyalg", "EC", "-dname", "CN=vereflow local broker"),
                *("-validity", "3650", "-ext", "san=ip:127.0.0.1,dns:localhost"),
            )
        if not self.ca.exists():
            self._keytool("-exportcert", "-rfc", "-file", str(self.ca))

    def password_file(self, user: str) -> Path:
        """Return where a user's password is."""
        return self._folder / f"{user}.password"

    def scram(self, user: str) -> str:
        """Return what the broker's folder is formatted with, so that a user may log in."""
        salt = secrets.token_bytes(16)
        password = self.password_file(user).read_bytes()
        salted = hashlib.pbkdf2_hmac("sha512", password, salt, ROUNDS)
        told = {"salt": salt, "saltedpassword": salted}
        quoted = (f'{key}="{base64.b64encode(each).decode()}"' for key, each in told.items())
        return f"{MECHANISM}=[name={user},iterations={ROUNDS},{','.join(quoted)}]"

    def client(self, user: str) -> dict[str, Any]:
        """Return how a client of aiokafka logs in."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=self.ca),
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": user,
            "sasl_plain_password": self.password_file(user).read_text(),
        }

    def properties(self) -> dict[str, object]:
        """Return what a broker's listener needs."""
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return {
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": self.store,
            "ssl.keystore.password": self.password_file("store").read_text(),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca,
            "sasl.enabled.mechanisms": MECHANISM,
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": (
                f'{module} required username="{ADMIN}"'
                f' password="{self.password_file(ADMIN).read_text()}";'
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Nobody logs in at the controller's port, which is on loopback.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }

    def _keytool(self, *arguments: str) -> None:
        keytool = shutil.which("keytool")
        if keytool is None:
            raise BrokerNotReady("a broker with TLS needs `keytool`, which comes with Java")
        own = ("-alias", "broker", "-storetype", "PKCS12", "-keystore", str(self.store))
        password = ("-storepass:file", str(self.password_file("store")))
        done = subprocess.run(
            [keytool, *arguments, *own, *password],
            capture_output=True,
            text=True,
            timeout=KEYTOOL_WITHIN,
            check=False,
        )
        if done.returncode:
            raise BrokerNotReady(f"keytool: {(done.stdout + done.stderr).strip()[:300]}")
