"""Say to a Kafka client how to connect: where, over TLS or not, and as whom."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import faust

from deploy.secret_files import secret, trust
from streams.settings_kafka import KafkaSettings

LONGEST_PASSWORD = 1024


def client_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what every client of aiokafka is made with; raise NoLogin."""
    options: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap}
    if context := tls_context(kafka):
        options["ssl_context"] = context
    if kafka.user:
        options |= {
            "security_protocol": "SASL_SSL" if kafka.tls else "SASL_PLAINTEXT",
            "sasl_mechanism": kafka.mechanism,
            "sasl_plain_username": kafka.user,
            "sasl_plain_password": _password(kafka),
        }
    elif kafka.tls:
        options["security_protocol"] = "SSL"
    return options


def credentials(kafka: KafkaSettings) -> Any:
    """Return the same for Faust: its credentials, or None; raise NoLogin."""
    context = tls_context(kafka)
    if kafka.user:
        return faust.SASLCredentials(
            username=kafka.user,
            password=_password(kafka),
            mechanism=kafka.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def tls_context(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """Return by what brokers are known, or None without TLS; raise NoLogin."""
    return trust("kafka.ca", kafka.ca) if kafka.tls else None


def _password(kafka: KafkaSettings) -> str:
    return secret("kafka.password_file", kafka.password_file or Path(), LONGEST_PASSWORD)
