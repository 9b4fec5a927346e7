"""Write the file that tells kubectl and every client where the server is."""

from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path,
    server: str,
    token: str = "",
    authority: Path | None = None,
    namespace: str = "default",
) -> Path:
    """Write a kubeconfig with one context, named `vereflow`, for its owner's eyes only."""
    name = "vereflow"
    cluster = {"server": server}
    if authority is not None:
        cluster["certificate-authority"] = str(authority)
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token} if token else {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    path.touch(0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
