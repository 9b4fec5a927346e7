"""What a page lets one type in terminals, and shells in which it is typed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r'^```console title="(?P<terminal>[^"]+)"\n(?P<lines>.*?)^```$', re.M | re.S)
_DONE = "that was all: "


class Typed(NamedTuple):
    """A command, in which terminal it is typed, and what is said; dots stand for anything."""

    terminal: str
    command: str
    said: str

    def fits(self, said: str) -> bool:
        """Tell whether this is what the page shows."""
        if not self.said:
            return not said
        return OutputChecker().check_output(self.said, said, ELLIPSIS | NORMALIZE_WHITESPACE)


def typed_in(page: str) -> Iterator[Typed]:
    """Yield what the blocks of a page let one type, in order."""
    for block in _BLOCK.finditer(page):
        for each in re.split(r"^\$ ", block["lines"], flags=re.MULTILINE)[1:]:
            first, *rest = each.splitlines()
            more = [line for line in rest if re.match(r">( |$)", line)]
            command = "\n".join([first, *(line[2:] for line in more)])
            yield Typed(
                block["terminal"], command, "".join(f"{line}\n" for line in rest[len(more) :])
            )


class Shell:
    """A shell that says all it says in one place."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> str:
        """Type a command and return what was said; it has to end well."""
        self.begin(command)
        return self.ended()

    def begin(self, command: str, until: str = "") -> str:
        """Type a command and return what was said up to that line."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{command}\necho '{_DONE}'$?\n")
        self._bash.stdin.flush()
        return "".join(self._lines(until)) if until else ""

    def ended(self) -> str:
        """Return what is said until the command has ended, well."""
        *said, status = self._lines(_DONE)
        assert status == f"{_DONE}0\n", [*said, status]
        return "".join(said)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._bash.pid, signal.SIGINT)

    def close(self) -> None:
        """End the shell, and what still runs in it."""
        with self._bash:
            os.killpg(self._bash.pid, signal.SIGTERM)

    def _lines(self, until: str) -> Iterator[str]:
        assert self._bash.stdout is not None
        said = []
        for line in self._bash.stdout:
            said.append(line)
            yield line
            if line.startswith(until):
                return
            # It will not say it any more.
            assert not line.startswith(_DONE), said
        raise AssertionError(f"the shell ended before it said {until!r}")


@contextmanager
def shells(folder: Path) -> Iterator[dict[str, Shell]]:
    """Open a shell for each name that is asked for, in one folder beside what is installed."""
    env = {name: value for name, value in os.environ.items() if not _ours(name)}
    opened: defaultdict[str, Shell] = defaultdict(lambda: Shell(folder, env))
    try:
        yield opened
    finally:
        for shell in opened.values():
            shell.close()


def _ours(name: str) -> bool:
    return name.startswith("VEREFLOW_") or name == "KUBECONFIG" or name.lower().endswith("_proxy")
