"""Replay one world with everything that happens in it.

``python -m tests.simulation SEED``, or ``SEED LIMIT`` where changes are limited.
"""

from __future__ import annotations

import sys

from tests.simulation.playing import play

if __name__ == "__main__":
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else None
    wrong = play(int(sys.argv[1]), trace=print, limit=limit)
    print("\n".join(wrong) or "nothing wrong")
    sys.exit(bool(wrong))
