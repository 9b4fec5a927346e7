"""Keep the state of a server in a file between two runs."""

import json
import os
from pathlib import Path

from deploy.local.kubernetes.kinds import KINDS
from deploy.local.kubernetes.store import Store

#: A crash loses writes since the last save; no version that somebody saw then may come again.
_LOST = 1_000_000


def save(store: Store, path: Path) -> None:
    """Write every object; a crash leaves the old file or the new one."""
    objects = {kind.resource: store.all(kind) for kind in KINDS}
    written = path.with_suffix(".new")
    written.write_text(json.dumps({"revision": store.revision, "objects": objects}))
    os.replace(written, path)


def load(store: Store, path: Path) -> None:
    """Read every object back; watches from before must list again."""
    saved = json.loads(path.read_text())
    for kind in KINDS:
        store.restore(saved["revision"] + _LOST, kind, saved["objects"].get(kind.resource, []))
