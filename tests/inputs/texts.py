"""What strangers write into fields that end in a log: row L of the checklist."""

from __future__ import annotations

TEXTS = {
    "a forged line": "pod-a\n2026-01-01T00:00:00Z [info] policy applied pod=pod-b",
    "a carriage return": "pod-a\rpolicy applied",
    "a line separator": "pod-a\u2028policy applied\x85and more",
    "clear screen": "\x1b[2J\x1b[H\x1b]0;title\x07",
    "one megabyte": "x" * (1 << 20),
    "one megabyte of what takes four bytes": "\N{GRINNING FACE}" * (1 << 18),
    "printf": "%s%n%d%(x)s {} {0}",
    "jndi": "${jndi:ldap://127.0.0.1/a}",
    "written backwards": "\u202egnp.exe",
    "half a character": "\ud83d",
    "nothing": "",
}
