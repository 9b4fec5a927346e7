"""Where health, metrics and pages are served, and to whom."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from streams.settings_group import Group
from streams.settings_values import ANY, HeaderName, Host, HostName, Port, Seconds, is_loopback


class WebSettings(Group):
    """Health, metrics and the pages of one worker: to other machines over TLS, and by login."""

    host: Host = Field(
        default="127.0.0.1", description="Where pages are served: an address, or * for all."
    )
    port: Port = Field(default=6066, description="1 to 65535; another one for each worker.")
    name: HostName = Field(
        default="", description="By which other workers and commands ask it; none: its host."
    )
    names: tuple[HostName, ...] = Field(
        default=(), max_length=16, description="By which people come besides, as by an ingress."
    )
    enabled: bool = Field(default=True, description="Whether anything is served at all.")
    writable: bool = Field(
        default=False,
        description="Whether whoever reaches the port may retry and drop dead letters.",
    )
    probe_port: Port | None = Field(
        default=None,
        description="Where other machines may ask for health and metrics alone; None: nowhere.",
    )
    token_file: Path | None = Field(
        default=None,
        description="What people, commands and workers log in with; None: there is no login.",
    )
    session_seconds: Seconds = Field(
        default=28_800, description="After this long a browser logs in again."
    )
    certificate: Path | None = Field(
        default=None, description="PEM file of the certificates it is known by; None: no TLS."
    )
    key: Path | None = Field(default=None, description="PEM file of the certificate's key.")
    ca: Path | None = Field(
        default=None,
        description="PEM file of who vouches for workers among themselves and to commands;"
        " None: the system's.",
    )
    proxy_header: HeaderName = Field(
        default="", description="In which a proxy that people log in to says who somebody is."
    )
    proxy_token_file: Path | None = Field(
        default=None,
        description="What the proxy shows as a bearer; without it, it is not believed.",
    )

    @property
    def url(self) -> str:
        """Where it is asked by workers and commands."""
        name = self.name or self.host
        scheme = "https" if self.certificate is not None else "http"
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{self.port}"

    @model_validator(mode="after")
    def _probes_what_is_served(self) -> WebSettings:
        if self.probe_port is not None and not self.enabled:
            raise ValueError("probe_port needs enabled")
        if self.probe_port == self.port:
            raise ValueError("probe_port is another one than port")
        return self

    @model_validator(mode="after")
    def _has_what_goes_together(self) -> WebSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if bool(self.proxy_header) != (self.proxy_token_file is not None):
            # Whoever reaches the port could say that he is anybody.
            raise ValueError("proxy_header and proxy_token_file go together")
        if self.proxy_header and self.token_file is None:
            raise ValueError("proxy_header needs token_file: the proxy is one way in, not the only")
        return self

    @model_validator(mode="after")
    def _shows_other_machines_nothing_unasked(self) -> WebSettings:
        if is_loopback(self.host):
            return self
        if self.token_file is None:
            raise ValueError("other machines reach this host: set web.token_file, for a login")
        if self.certificate is None:
            raise ValueError("a token would travel in the clear: set web.certificate and web.key")
        if self.ca is None:
            # The token is shown to whomever this lets pass as a worker.
            raise ValueError("workers show each other their token: set web.ca, to know each other")
        if self.host in (ANY, "0.0.0.0", "::") and not self.name:
            raise ValueError("no other worker can ask at every address: set web.name")
        return self
