"""Write the file that tells kubectl and every client where the server is."""

from pathlib import Path

import yaml


def write_kubeconfig(path: Path, server: str, namespace: str = "default") -> Path:
    """Write a kubeconfig with one context, named `vereflow`."""
    name = "vereflow"
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
