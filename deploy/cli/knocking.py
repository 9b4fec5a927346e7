"""Knock at a broker's door, to say why a client was not let in: the client says only that.

Three things are tried, each as far as the one before went: a connection, TLS, and the first
question of Kafka's protocol (ApiVersions, which needs no login).
"""

from __future__ import annotations

import asyncio
import ssl
import struct

from deploy.login import tls_context
from streams.settings_kafka import KafkaSettings

KNOCK_WITHIN = 5.0
# ApiVersions, version 0, with a number to recognise the answer by, from nobody in particular.
_NUMBER = 7
_QUESTION = struct.pack(">hhih", 18, 0, _NUMBER, -1)
_LARGEST = 1 << 16
_TLS_ALERT, _TLS_VERSION = 0x15, 0x03


async def why_not(kafka: KafkaSettings) -> str:
    """Return why the first broker of several does not let a client in, and what to do."""
    host, _, port = kafka.bootstrap.split(",")[0].rpartition(":")
    try:
        async with asyncio.timeout(KNOCK_WITHIN):
            reader, writer = await asyncio.open_connection(
                host.strip("[]"), int(port), ssl=tls_context(kafka)
            )
    except TimeoutError:
        return "nobody answers; is there a firewall in between?"
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({error.verify_message}): set kafka.ca"
    except ssl.SSLError:
        return "it does not speak TLS: unset kafka.tls"
    except OSError as error:
        return f"nobody listens ({error.strerror or error}): start Kafka, or set kafka.broker"
    try:
        async with asyncio.timeout(KNOCK_WITHIN):
            return await _answered(reader, writer, kafka)
    except TimeoutError:
        return "whoever listens there says nothing, as a broker of Kafka would"
    except (OSError, asyncio.IncompleteReadError):
        return _hung_up(kafka)
    finally:
        writer.close()


async def _answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kafka: KafkaSettings
) -> str:
    writer.write(struct.pack(">i", len(_QUESTION)) + _QUESTION)
    await writer.drain()
    head = await reader.readexactly(2)
    if head[0] == _TLS_ALERT and head[1] == _TLS_VERSION:
        return "it speaks TLS: set kafka.tls"
    length, number = struct.unpack(">ii", head + await reader.readexactly(6))
    if number != _NUMBER or not 0 < length < _LARGEST:
        return "whoever listens there is not Kafka: set kafka.broker"
    if kafka.user:
        return f"it refuses the login of {kafka.user!r} by {kafka.mechanism}: check its password"
    return "it answers, but not to somebody without a login: set kafka.user"


def _hung_up(kafka: KafkaSettings) -> str:
    if kafka.tls:
        return "whoever listens there hangs up, and is not Kafka: set kafka.broker"
    return "whoever listens there hangs up: it wants TLS (set kafka.tls), or is not Kafka"
