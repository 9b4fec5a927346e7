"""Ask whether a broker answers as a client does."""

from __future__ import annotations

import socket
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


def listens(port: int) -> bool:
    """Tell whether anybody listens: the client logs an error for every refusal."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def brokers(cluster: str, **client: Any) -> int:
    """Return how many brokers the cluster says it has; 0 if it, and no other, does not answer."""
    admin = AIOKafkaAdminClient(request_timeout_ms=2000, **client)
    try:
        await admin.start()
        found = await admin.describe_cluster()
        # Somebody else's broker may have taken the port first: whoever used it would be in both.
        ours = found["cluster_id"] == cluster and found["controller_id"] >= 0
        return len(found["brokers"]) if ours else 0
    except (KafkaError, OSError):
        return 0
    finally:
        await admin.close()
