"""What the settings allow beside the rules."""

from __future__ import annotations

from agents.allowances import Allowance, AskingDns, BeingCalled, BeingScraped, BeingServed
from agents.clients.kubernetes import Cluster
from streams.settings import AllowanceSettings


def allowances_of(cluster: Cluster, allowances: AllowanceSettings) -> list[Allowance]:
    """Return what is asked for, to be read from this cluster."""
    found: list[Allowance] = []
    if allowances.dns:
        found.append(AskingDns(cluster, allowances.dns_service))
    if allowances.prometheus:
        found.append(BeingScraped(cluster, allowances.prometheus))
    if allowances.ingress:
        found.append(BeingServed(cluster, allowances.ingress))
    if allowances.webhooks:
        found.append(BeingCalled(cluster, allowances.webhooks))
    return found
