"""Keep what this version has, as what the next has to live with: at a release, and never else."""

from __future__ import annotations

import json

from tests.released import chart, records

for kept in (chart, records):
    told = json.dumps(kept.present(), indent=1, sort_keys=True, ensure_ascii=False)
    kept.FILE.write_text(f"{told}\n")
