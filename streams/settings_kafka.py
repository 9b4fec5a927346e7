"""Where records travel, and how one gets in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from streams.settings_group import Group
from streams.settings_values import (
    Broker,
    Name,
    Seconds,
    TopicPrefix,
    host_ports,
    is_loopback,
)


class KafkaSettings(Group):
    """Where records travel."""

    broker: Broker = Field(
        default="127.0.0.1:9092", description="HOST:PORT; several are separated by commas."
    )
    prefix: TopicPrefix = Field(
        default="", description="Put before every topic's name, so that one ACL covers them."
    )
    app_id: Name = Field(default="vereflow", description="Consumer group and changelog prefix.")
    partitions: int = Field(default=8, gt=0, le=256, description="Upper bound on workers.")
    replication: int = Field(default=1, gt=0, le=9, description="3 in production.")
    retention_hours: int = Field(default=168, gt=0, description="How far back a replay can go.")
    frame_minutes: int = Field(
        default=180, gt=0, le=1440, description="How often all is listed and written down whole."
    )
    session_timeout: Seconds = Field(default=10, description="A dead worker is missed after it.")
    heartbeat: Seconds = Field(
        default=3, description="At most half of the session timeout; a third is usual."
    )
    tls: bool = Field(default=False, description="Whether brokers speak TLS.")
    ca: Path | None = Field(
        default=None, description="PEM file of who vouches for them; None: the system's."
    )
    user: str = Field(default="", max_length=200, description="SASL user; none: no login.")
    password_file: Path | None = Field(
        default=None, description="The user's password is what this file holds."
    )
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="How the user logs in."
    )

    @property
    def bootstrap(self) -> str:
        """The broker as Kafka clients other than Faust want it."""
        return host_ports(self.broker)

    @model_validator(mode="after")
    def _beats_in_time(self) -> KafkaSettings:
        if self.heartbeat * 2 > self.session_timeout:
            raise ValueError("heartbeat must be at most half of session_timeout")
        return self

    @model_validator(mode="after")
    def _gives_no_password_away(self) -> KafkaSettings:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file go together")
        if self.ca is not None and not self.tls:
            raise ValueError("ca is for tls")
        hosts = [each.rpartition(":")[0].strip("[]") for each in self.bootstrap.split(",")]
        if self.user and not self.tls and not all(map(is_loopback, hosts)):
            raise ValueError("a password leaves this machine in the clear; set tls")
        return self
