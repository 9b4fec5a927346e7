"""The codecs by which Faust's topics and tables carry records and keys."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from faust.serializers.codecs import Codec

from streams.codec import KEY_MARK, Poison, Unread, decode, encode
from streams.records.base import Record

R = TypeVar("R", bound=Record)


class RecordCodec(Codec, Generic[R]):
    """The value codec of one record type, for topics and tables."""

    def __init__(
        self, record_type: type[R], children: tuple[Codec, ...] | None = None, **kwargs: Any
    ) -> None:
        # Faust clones a codec from its keyword arguments.
        super().__init__(children=children, record_type=record_type, **kwargs)
        self.record_type = record_type

    def _loads(self, s: bytes | None) -> R | Poison | Unread | None:
        try:
            return None if s is None else decode(s, self.record_type)
        except (MemoryError, OSError) as error:
            return Unread(error)

    def _dumps(self, s: R | None) -> bytes | None:
        if s is None:
            return None
        if not isinstance(s, self.record_type):
            raise TypeError(f"expected {self.record_type.__name__}, got {type(s).__name__}")
        return encode(s)


class KeyCodec(Codec):
    """Text keys as their own UTF-8 bytes, the same on topics and in changelogs.

    Faust would write a table's keys as JSON: another hash, another partition.
    """

    def _loads(self, s: bytes) -> str:
        try:
            return s.decode("utf-8")
        except UnicodeDecodeError:
            return KEY_MARK + s.decode("utf-8", "backslashreplace")

    def _dumps(self, s: str) -> bytes:
        return s.encode("utf-8", "backslashreplace")


def _adapter(name: str, codec: Codec) -> type[Any]:
    # Faust asks a type for its codec in `_options`, and hands it what the codec returned.
    def from_data(value: Any, *, preferred_type: Any = None) -> Any:
        return value

    options = SimpleNamespace(serializer=codec, polymorphic_fields=False)
    return type(name, (), {"_options": options, "from_data": staticmethod(from_data)})


FaustKey = _adapter("FaustKey", KeyCodec())
"""``key_type`` of every topic and table."""


@functools.cache
def faust_type(record_type: type[Record]) -> type[Any]:
    """Return the ``value_type`` under which topics and tables carry this record."""
    return _adapter(f"Faust{record_type.__name__}", RecordCodec(record_type))
