"""Say to a Kafka client how to connect: where, over TLS or not, and as whom."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import faust

from deploy.errors import Unusable
from streams.settings import KafkaSettings

LONGEST_PASSWORD = 1024


class NoLogin(Unusable):
    """A file that a login needs cannot be read; the message never repeats what is in it."""


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
    if not kafka.tls:
        return None
    try:
        return ssl.create_default_context(cafile=kafka.ca)
    except (OSError, ssl.SSLError) as error:
        raise NoLogin(f"kafka.ca {kafka.ca}: {error.strerror or 'no certificates'}") from error


def _password(kafka: KafkaSettings) -> str:
    path = kafka.password_file or Path()
    try:
        with path.open("rb") as file:
            told = file.read(LONGEST_PASSWORD + 1).decode().rstrip("\r\n")
    except OSError as error:
        raise NoLogin(f"kafka.password_file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise NoLogin(f"kafka.password_file {path}: not text") from None
    if not 0 < len(told) <= LONGEST_PASSWORD:
        raise NoLogin(f"kafka.password_file {path}: 1 to {LONGEST_PASSWORD} characters")
    return told
