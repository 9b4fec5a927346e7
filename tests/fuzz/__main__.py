"""Fuzz every target, or those that are named, for some minutes each; print what came of it.

What breaks a promise is kept under .fuzz/, and so is what was learnt, for the next time.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.target import MOST_BYTES
from tests.fuzz.targets import TARGETS

AT_ONCE = 2
KEPT = Path(".fuzz")
# A second of the processor's time is a finding by itself; this is for what never returns.
STUCK_SECONDS = 60
FINDINGS = ("crash-*", "timeout-*", "oom-*")
ROW = "{:28} {:>12} {:>8} {:>8} {:>8} {:>7}"


class Ran(NamedTuple):
    """What came of one target."""

    executions: int
    rate: int
    new: int
    corpus: int
    crashes: tuple[Path, ...]
    ended: int


def fuzz(name: str, seconds: int) -> Ran:
    """Fuzz one target in a process of its own."""
    home = KEPT / name
    corpus = home / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds:
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    known = _findings(home)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MOST_BYTES}",
        f"-timeout={STUCK_SECONDS}",
        f"-artifact_prefix={home}/",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "tests.fuzz.one", name, *options, str(corpus)]
    with (home / "log").open("w") as log:
        ended = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    said = (home / "log").read_text(errors="replace")
    return Ran(
        _told(said, "number_of_executed_units"),
        _told(said, "average_exec_per_sec"),
        _told(said, "new_units_added"),
        len(list(corpus.iterdir())),
        tuple(sorted(_findings(home) - known)),
        ended,
    )


def main(minutes: str, *names: str) -> int:
    """Fuzz; return 1 if anything was found."""
    if find_spec("atheris") is None:
        print("vereflow: Atheris has wheels for Linux on x86-64 and Python 3.11 to 3.13 alone")
        return 2
    print(ROW.format("target", "executions", "/s", "new", "corpus", "crashes"), flush=True)
    failed = False
    wanted, seconds = names or tuple(TARGETS), round(float(minutes) * 60)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, ran in zip(wanted, pool.map(fuzz, wanted, repeat(seconds)), strict=True):
            print(ROW.format(name, *ran[:4], len(ran.crashes)), flush=True)
            if ran.ended:
                failed = True
                print(f"  ended with {ran.ended}, see {KEPT / name / 'log'}", *ran.crashes)
    return int(failed)


def _findings(home: Path) -> set[Path]:
    return {path for pattern in FINDINGS for path in home.glob(pattern)}


def _told(said: str, what: str) -> int:
    found = re.search(rf"^stat::{what}:\s+(\d+)$", said, re.MULTILINE)
    return int(found[1]) if found else 0


sys.exit(main(*sys.argv[1:]))
