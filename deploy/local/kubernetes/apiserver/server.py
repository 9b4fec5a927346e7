"""Run kube-apiserver and etcd as child processes, with TLS, users, tokens and RBAC."""

from __future__ import annotations

import asyncio
import csv
import json
import secrets
import ssl
import time
from pathlib import Path
from typing import Any

import httpx

from deploy.local.child import Child
from deploy.local.kubernetes.apiserver.binary import ApiServerNotReady, binary
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.request_log import Write
from deploy.local.ports import HOST, free_port

READY_WITHIN = 120.0
# The port is free when we look; somebody else may take it before the server does.
ATTEMPTS = 3
ADMIN = "admin"
# They may do everything, and their requests are never held back.
MASTERS = "system:masters"
_METHODS = {"create": "POST", "update": "PUT"}
AUDIT = Path(__file__).with_name("audit.yaml")
_FLAGS = (
    f"--bind-address={HOST}",
    f"--advertise-address={HOST}",
    "--authorization-mode=RBAC",
    "--endpoint-reconciler-type=none",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.96.0.0/16",
    # Without controllers nobody makes the account that every pod would have to have.
    "--disable-admission-plugins=ServiceAccount",
    "--shutdown-send-retry-after=false",
    f"--audit-policy-file={AUDIT}",
)


class ApiServer:
    """One API server over one etcd; what they hold stays in their folder, and is found again."""

    def __init__(self, folder: Path, *flags: str) -> None:
        """Take a folder of its own, and flags of kube-apiserver beside ours."""
        self.etcd, self.apiserver = Child(), Child()
        self._folder = folder
        self._flags = flags
        self._port = 0
        self.token = ""
        """The administrator's, once started."""

    @property
    def url(self) -> str:
        """Where it listens, once started."""
        return f"https://{HOST}:{self._port}"

    @property
    def authority(self) -> Path:
        """The certificates by which clients know it."""
        return self._folder / "certs" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """The way in for its administrator."""
        return self._folder / "kubeconfig"

    def client(self) -> httpx.AsyncClient:
        """Return a client of its administrator; closing it is the caller's affair."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            verify=ssl.create_default_context(cafile=str(self.authority)),
            timeout=60,
            trust_env=False,
        )

    async def start(self) -> None:
        """Return when it is ready; keep the port and the token of before."""
        program = await asyncio.to_thread(binary)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self.token = self._administrator()
        for _ in range(ATTEMPTS):
            self._port = self._port or free_port()
            if not self.etcd.runs:
                self.start_etcd(program)
            self.start_apiserver(program)
            if await self._answers():
                write_kubeconfig(self.kubeconfig, self.url, self.token, self.authority)
                return
            self.stop()
            self._port = 0
        log = self._folder / "apiserver.log"
        raise ApiServerNotReady(f"no answer from kube-apiserver, {ATTEMPTS} times: see {log}")

    def writes(self, resource: str = "", namespace: str = "") -> list[Write]:
        """Return the newest write requests about policies, oldest first, as they were audited."""
        log = self._folder / "audit.log"
        if not log.exists():
            return []
        told = (json.loads(line) for line in log.read_text().splitlines())
        return [
            write
            for write in map(_write, told)
            if resource in ("", write.resource) and namespace in ("", write.namespace)
        ]

    def start_etcd(self, program: Path | None = None) -> None:
        """Start an etcd that is not there; it is not waited for."""
        self.etcd.start(
            [str(program or binary()), "etcd", str(self._folder)], self._folder / "etcd.log"
        )

    def start_apiserver(self, program: Path | None = None) -> None:
        """Start a kube-apiserver that is not there; it is not waited for."""
        own = (
            f"--secure-port={self._port}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            f"--audit-log-path={self._folder / 'audit.log'}",
        )
        self.apiserver.start(
            [str(program or binary()), "serve", str(self._folder), *_FLAGS, *own, *self._flags],
            self._folder / "apiserver.log",
        )

    def stop(self) -> None:
        """End both, the one that asks before the one that answers."""
        self.apiserver.stop()
        self.etcd.stop()

    async def ready(self) -> bool:
        """Tell whether it serves, and has made what every cluster has."""
        if not self.authority.exists():
            return False
        try:
            async with self.client() as http:
                health = await http.get("/readyz")
                default = await http.get("/api/v1/namespaces/default")
        except (httpx.HTTPError, ssl.SSLError):
            return False
        return health.is_success and default.is_success

    async def __aenter__(self) -> ApiServer:
        await self.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await asyncio.to_thread(self.stop)

    async def _answers(self) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self.apiserver.runs and self.etcd.runs:
            if await self.ready():
                return True
            await asyncio.sleep(0.05)
        return False

    def _administrator(self) -> str:
        """Return the administrator's token, made the first time."""
        tokens = self._folder / "tokens.csv"
        if not tokens.exists():
            tokens.touch(0o600)
            with tokens.open("w", newline="") as written:
                csv.writer(written).writerow([secrets.token_hex(32), ADMIN, ADMIN, MASTERS])
        with tokens.open(newline="") as kept:
            return next(csv.reader(kept))[0]


def _write(event: dict[str, Any]) -> Write:
    about = event["objectRef"]
    method = _METHODS.get(event["verb"], event["verb"].upper())
    named = about.get("name", "") if method != "POST" else ""
    where = about["resource"], about.get("namespace", ""), named
    return Write(method, *where, event["responseStatus"]["code"])
