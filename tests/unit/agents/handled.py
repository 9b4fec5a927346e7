"""Records on their way through an agent's body, and topics that remember what they were given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from types import SimpleNamespace
from typing import Any

from streams.codec import decode, encode
from streams.flow.output import PATCH_OUTCOMES, Send
from streams.records.policies import Outcome, PatchOutcome


def outcome(key: str = "local/default/pod-a", reason: str = "") -> PatchOutcome:
    return PatchOutcome(key=key, outcome=Outcome.APPLIED, reason=reason)


def sent(reason: str = "") -> Send:
    return Send(PATCH_OUTCOMES, "local/default/pod-a", outcome(reason=reason))


def event(offset: int, raw: bytes | None = b"{}", key: str = "key", value: Any = ...) -> Any:
    """What Faust hands an agent: the decoded record, and the message it came in."""
    if value is ...:
        value = None if raw is None else decode(raw, PatchOutcome)
    message = SimpleNamespace(
        topic="patch-outcomes", partition=3, offset=offset, timestamp=1.5, value=raw, headers=()
    )
    return SimpleNamespace(value=value, key=key, message=message)


class Stream:
    """Acknowledges a record when its reader comes back for the next one, or leaves."""

    def __init__(self, events: Iterable[Any]) -> None:
        self.acknowledged: list[int] = []
        self._events = events

    async def events(self) -> AsyncIterator[Any]:
        for each in self._events:
            try:
                yield each
            finally:
                self.acknowledged.append(each.message.offset)


class Topics:
    """Takes what fits, as the codec does; ``log`` is what happened, in order."""

    def __init__(self, failing: str = "") -> None:
        self.log: list[tuple[str, str, Any]] = []
        self._failing = failing

    def __getitem__(self, name: str) -> Any:
        async def send(**sending: Any) -> Any:
            if name == self._failing:
                raise ConnectionError("the broker is gone")
            encode(sending["value"])
            self.log.append(("sent", name, sending))
            return Delivery(lambda: self.log.append(("delivered", name, sending)))

        return SimpleNamespace(send=send)

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return what was sent to one topic."""
        return [sending for what, topic, sending in self.log if (what, topic) == ("sent", name)]


class Delivery:
    """The broker's answer, which nobody has to wait for."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        self._arrive = arrive

    def __await__(self) -> Generator[None, None, None]:
        yield from asyncio.sleep(0).__await__()
        self._arrive()


class App:
    """Remembers why it was ended."""

    def __init__(self) -> None:
        self.crashed = asyncio.Event()
        self.reason: BaseException | None = None

    async def crash(self, reason: BaseException) -> None:
        self.reason = reason
        self.crashed.set()
