"""A port is chosen and taken in one step, so nobody can come in between."""

from __future__ import annotations

from contextlib import ExitStack

from deploy.local.ports import listen


def unused_port() -> int:
    with listen() as listener:
        return int(listener.getsockname()[1])


def test_a_preferred_port_that_nobody_has_is_taken() -> None:
    port = unused_port()

    with listen(port) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_a_preferred_port_that_somebody_has_is_left_to_him() -> None:
    with listen() as somebody, listen(somebody.getsockname()[1]) as other:
        assert other.getsockname()[1] not in (0, somebody.getsockname()[1])


def test_many_who_prefer_the_same_port_get_one_each() -> None:
    preferred = unused_port()

    with ExitStack() as stack:
        ports = [stack.enter_context(listen(preferred)).getsockname()[1] for _ in range(50)]

    assert len(set(ports)) == 50
