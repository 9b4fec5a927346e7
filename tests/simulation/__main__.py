"""Replay one world with everything that happens in it: ``python -m tests.simulation SEED``."""

from __future__ import annotations

import sys

from tests.simulation.playing import play

if __name__ == "__main__":
    wrong = play(int(sys.argv[1]), trace=print)
    print("\n".join(wrong) or "nothing wrong")
    sys.exit(bool(wrong))
