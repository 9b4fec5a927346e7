"""The README, typed line by line: in one world, but for what says why it is not typed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from streams.codec import decode
from streams.records.facts import FirewallChange
from tests.e2e.readme import blocks, is_typed, statements
from tests.e2e.shell import Shell, shells
from tests.e2e.terminal import Terminal

RUNS_ON = "Ctrl-C stops it.\n"
# Only settings, of installations that are elsewhere.
SETTINGS = re.compile(r"(export )?(VEREFLOW_\w+=\S+ *)+(#.*)?")
# What they go with, as the text around them says.
AROUND = 'VEREFLOW_PART=core VEREFLOW_GRAPH__CLUSTERS=\'["one","two"]\''
LOAD = "python -c 'from streams.settings import load; load()'"
# Their answer may be no.
MAY_SAY_NO = re.compile(r"vereflow (explain|diff|replay .*--against)")


def test_whatever_the_readme_lets_us_type_can_be_typed(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "new.yaml").write_text("rules:\n  exactness: strict\n")
    up, *others = [block for block in blocks() if is_typed(block)]
    typed = 0

    with shells(tmp_path) as terminals:
        terminals["up"].begin("\n".join(up), until=RUNS_ON)
        shell = terminals["other"]
        shell.run("export PATH=$PWD/.venv/bin:$PATH")
        shell.run(where(Terminal(tmp_path / "here.json")))
        for block in others:
            if block[0].startswith("{"):
                assert isinstance(decode("\n".join(block).encode(), FirewallChange), FirewallChange)
            elif all(map(SETTINGS.fullmatch, block)):
                shell.run("(set -a; " + "\n".join([AROUND, *block, LOAD]) + ")")
            else:
                typed += sum(type_in(shell, each) for each in statements(block))
        terminals["up"].interrupt()
        terminals["up"].ended()

    assert typed > 20


def where(world: Terminal) -> str:
    """Say where the firewall of a graph is, as the README calls it."""
    firewall = next(node for node in world.nodes().values() if node["functionalType"] == "FIREWALL")
    base, _, graph = world.graph.rpartition("/adp/graphs/")
    at = {
        "VEREFOO": base,
        "GRAPH": graph,
        "NODE": firewall["id"],
        "CONFIGURATION": firewall["configuration"]["id"],
    }
    return "; ".join(f"{name}={value}" for name, value in at.items())


def type_in(shell: Shell, statement: str) -> bool:
    """Type one command, which has to end well; return whether it is one."""
    if statement.startswith("#"):
        return False
    command = statement.partition("  #")[0].rstrip()
    if command.endswith("--watch"):
        shell.begin(command, until="POD")
        shell.interrupt()
        shell.ended()
    elif MAY_SAY_NO.search(command):
        shell.run(f"{command}; test $? -le 1")
    else:
        # What is answered may have no end of line.
        shell.run(f"{command} && echo")
    return True
