"""Marks for the tests on real servers, packets and browsers, and what this machine lacks.

What lacks is skipped with how to get it. In CI that is a failure: nobody would see it there.
"""

from __future__ import annotations

import functools
import os
import shutil

import pytest

from deploy.local.broker.apache_jars import java
from deploy.local.broker.errors import BrokerNotReady
from deploy.local.kubernetes.apiserver import binary
from deploy.local.packets.lacking import lacking as packets_lack

BROWSER = "chromium"
# Taken out: whatever the tests start would take it for a setting of ours that sets nothing.
# Hundreds of worlds of packets instead of a few.
ALL_PACKETS = os.environ.pop("VEREFLOW_PACKETS", "") == "all"


@functools.cache
def java_lacks() -> str:
    """Return what Apache Kafka needs and is not here."""
    try:
        java()
    except BrokerNotReady as error:
        return str(error)
    return "" if shutil.which("mvn") else "the jars of Apache Kafka need Maven: apt install maven"


@functools.cache
def go_lacks() -> str:
    """Return what kube-apiserver needs and is not here."""
    if binary.kept().exists() or shutil.which("go"):
        return ""
    return "kube-apiserver needs Go 1.26 or newer: https://go.dev/doc/install"


@functools.cache
def browser_lacks() -> str:
    """Return what a browser needs and is not here."""
    return "" if shutil.which(BROWSER) else "pages need a browser: apt install chromium"


# Not by a call: a mark that is called with a function decorates it.
needs_java = pytest.mark.real.with_args(java_lacks)
needs_go = pytest.mark.real.with_args(go_lacks)
needs_browser = pytest.mark.real.with_args(browser_lacks)
needs_packets = pytest.mark.real.with_args(functools.cache(packets_lack))


def demand(item: pytest.Item) -> None:
    """Skip a test for which this machine lacks something; in CI it fails."""
    for mark in item.iter_markers("real"):
        (lacks,) = mark.args
        if why := lacks():
            (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
