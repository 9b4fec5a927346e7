"""Read what the API server stores that decides who reaches whom, as a command does."""

from __future__ import annotations

from agents.asking.stored import Stored, read_namespaces
from agents.clients.kubernetes import Cluster
from deploy.managing import namespaces_now
from streams.settings import ClusterSettings

ANSWER_WITHIN = 10.0


def cluster_of(settings: ClusterSettings) -> Cluster:
    """Return the cluster that is set; raise ValueError if its kubeconfig is no file."""
    path = settings.kubeconfig
    if path is not None and not path.is_file():
        raise ValueError(f"setting cluster__kubeconfig: {path} is no file")
    return Cluster.of(path, settings.context, ANSWER_WITHIN)


async def read_stored(settings: ClusterSettings) -> Stored:
    """Read pods and policies of the managed namespaces."""
    cluster = cluster_of(settings)
    try:
        return await read_namespaces(cluster, await namespaces_now(cluster, settings))
    finally:
        await cluster.close()
