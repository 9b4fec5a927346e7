"""Which real servers can run here; where they must, a missing one is a failure and no skip."""

from __future__ import annotations

import os
import shutil

import pytest

from deploy.local.broker import apache_jars
from deploy.local.broker.errors import BrokerNotReady
from deploy.local.packets.lacking import lacking

# Set where nothing may be skipped.
DEMANDED = os.environ.get("VEREFLOW_REAL") == "1"


def _jars_could_be_had() -> str:
    """Say what is missing for Apache Kafka; nothing if it can run."""
    try:
        apache_jars.java()
        if not shutil.which("mvn"):
            apache_jars.jars()
    except BrokerNotReady as error:
        return str(error)
    return ""


_missing_java = _jars_could_be_had()
needs_java = pytest.mark.skipif(bool(_missing_java) and not DEMANDED, reason=_missing_java)

_missing_packets = lacking()
needs_packets = pytest.mark.skipif(bool(_missing_packets) and not DEMANDED, reason=_missing_packets)
