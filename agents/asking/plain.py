"""Text that only says something: nothing in it steers a terminal, or hides on a page."""

from __future__ import annotations


def plain(value: object, keep: str = "") -> str:
    """Return a text in which whatever cannot be seen is written out, but for some characters."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
