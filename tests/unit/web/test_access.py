"""Who knows the token gets in, for as long as a session lasts; who guesses waits."""

from __future__ import annotations

import hmac
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.asking.connecting import NotShown
from agents.web import sessions
from agents.web.access import Door, Guest, Keys, Outsider, Proxy, Shown
from agents.web.attempts import AT_ONCE, EVERY, MOST, Attempts
from agents.web.sessions import begin, end_of, same

TOKEN = "0123456789abcdef0123456789abcdef"
PROXYS = "fedcba9876543210fedcba9876543210"
HERE = "10.0.0.1"
TOKENS = st.text(string.ascii_letters + string.digits, min_size=32, max_size=512)
TIMES = st.integers(1, 10**12 - 1)


class House:
    """A door with a clock that somebody turns, and who was turned away there."""

    def __init__(self, proxy: Proxy | None = None) -> None:
        self.now = 1000.0
        self.token: Callable[[], str] = lambda: TOKEN
        self.refused: list[str] = []
        keys = Keys(lambda: self.token(), 60.0, proxy)
        attempts = Attempts(lambda: self.now)
        self.door = Door(keys, self.refused.append, lambda: self.now, attempts)

    def bearer(self, token: str, *users: str) -> Guest:
        return self.door.admit(Shown(HERE, (f"Bearer {token}",), users=users))

    def turned_away(self, shown: Shown) -> Outsider:
        with pytest.raises(Outsider) as outsider:
            self.door.admit(shown)
        return outsider.value


@pytest.fixture
def house() -> House:
    return House()


@given(TOKENS, TIMES)
def test_a_session_says_until_when_it_lasts_to_who_knows_its_token(token: str, until: int) -> None:
    assert end_of(token, begin(token, until)) == until


@given(TOKENS, TOKENS, TIMES, TIMES)
def test_a_session_of_another_token_or_another_time_is_none(
    token: str, other: str, until: int, later: int
) -> None:
    session = begin(token, until)
    signature = session.partition(".")[2]

    assert (end_of(other, session) is None) == (token != other)
    assert (end_of(token, f"{later}.{signature}") is None) == (until != later)


@given(st.text(max_size=80))
def test_what_is_no_session_is_none(text: str) -> None:
    assert end_of(TOKEN, text) is None


def test_nothing_of_the_token_is_in_a_session() -> None:
    assert TOKEN[:8] not in begin(TOKEN, 1)


def test_tokens_are_compared_in_a_time_that_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    in_constant_time = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return in_constant_time(one, other)

    monkeypatch.setattr(sessions.hmac, "compare_digest", compare)
    session, _ = house.door.begin(TOKEN, HERE)
    house.bearer(TOKEN)
    house.door.admit(Shown(HERE, session=session))

    assert [other for _, other in compared[:2]] == [TOKEN.encode()] * 2
    assert len(compared) == 3


@given(st.text(max_size=40), st.text(string.printable, max_size=40))
def test_texts_are_the_same_when_they_are(one: str, other: str) -> None:
    assert same(one, one) or not one.isascii()
    assert same(one, other) == (one == other)


def test_a_session_ends_when_it_is_over_and_when_the_token_is_another(house: House) -> None:
    session, lasts = house.door.begin(TOKEN, HERE)
    guest = house.door.admit(Shown(HERE, session=session))

    assert (guest.until, lasts) == (1060.0, 60)
    assert house.door.still_knows(session)
    house.now += 60
    assert "over" in str(house.turned_away(Shown(HERE, session=session)))
    assert not house.door.still_knows(session)
    house.now -= 1
    house.token = lambda: PROXYS
    assert not house.door.still_knows(session)
    assert "another token" in str(house.turned_away(Shown(HERE, session=session)))
    assert house.refused == ["session"]


@pytest.mark.parametrize(
    "authorization",
    [(), ("",), ("Basic YTpi",), (TOKEN,), (f"Bearer {TOKEN}",) * 2, ("Bearer " + "a" * 600,)],
)
def test_who_shows_no_bearer_is_asked_for_one(house: House, authorization: tuple[str, ...]) -> None:
    assert "asked for" in str(house.turned_away(Shown(HERE, authorization)))
    assert house.refused == []


def test_who_shows_the_token_is_let_in_and_who_shows_another_is_counted(house: House) -> None:
    assert house.bearer(TOKEN) == Guest("token")
    for wrong in (TOKEN[:-1], TOKEN + "0", TOKEN.upper(), PROXYS):
        assert "not the token" in str(house.turned_away(Shown(HERE, (f"bearer {wrong}",))))
    assert house.refused == ["token"] * 4


@pytest.mark.threat("T6")
def test_who_is_wrong_too_often_waits_even_if_he_is_right_and_nobody_else_does(
    house: House,
) -> None:
    for _ in range(AT_ONCE):
        with pytest.raises(Outsider, match="not the token"):
            house.door.begin("guess", HERE)

    with pytest.raises(Outsider, match="too many") as outsider:
        house.door.begin(TOKEN, HERE)

    assert 0 < outsider.value.wait <= EVERY
    assert house.refused[-1] == "too-many"
    assert house.door.begin(TOKEN, "10.0.0.2")
    house.now += outsider.value.wait
    session, _ = house.door.begin(TOKEN, HERE)
    for _ in range(AT_ONCE):
        with pytest.raises(Outsider):
            house.door.begin("guess", HERE)
    # Who is in already is not turned away by others at his address.
    assert house.door.admit(Shown(HERE, session=session))


def test_who_waits_out_is_forgiven_and_only_so_many_are_remembered() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)
    for number in range(MOST + 5):
        for _ in range(AT_ONCE):
            attempts.failed(f"10.0.{number >> 8}.{number & 255}")

    assert (attempts.wait("10.0.0.0"), attempts.wait("10.0.0.5")) == (0.0, EVERY)
    assert len(attempts._used) == MOST
    now = AT_ONCE * EVERY
    assert attempts.wait("10.0.0.5") == 0.0
    attempts.failed("10.0.0.5")
    assert attempts.wait("10.0.0.5") == 0.0


def test_addresses_that_one_machine_has_are_counted_together() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(AT_ONCE):
        attempts.failed(f"fd00::{number:x}%eth0")

    assert attempts.wait("fd00::ffff") > 0
    assert attempts.wait("fd00:0:0:1::1") == 0
    assert attempts.wait("no address") == 0


@pytest.mark.threat("T6")
def test_a_proxy_is_believed_by_its_own_token_alone() -> None:
    house = House(Proxy("X-Forwarded-User", lambda: PROXYS))

    assert house.bearer(PROXYS, "ann@example.org") == Guest("ann@example.org")
    assert house.bearer(TOKEN, "ann@example.org") == Guest("token")
    house.turned_away(Shown(HERE, users=("ann@example.org",)))
    for users in ((), ("",), ("ann", "bob"), ("a" * 300,)):
        assert "does not say" in str(
            house.turned_away(Shown(HERE, (f"Bearer {PROXYS}",), users=users))
        )
    assert house.refused == ["proxy"] * 4


def test_the_proxys_token_begins_no_session() -> None:
    house = House(Proxy("X-Forwarded-User", lambda: PROXYS))

    with pytest.raises(Outsider):
        house.door.begin(PROXYS, HERE)


def test_without_a_token_that_can_be_read_nobody_gets_in(house: House) -> None:
    session, _ = house.door.begin(TOKEN, HERE)

    def gone() -> str:
        raise NotShown("web.token_file /token: No such file or directory")

    house.token = gone
    for shown in (Shown(HERE, (f"Bearer {TOKEN}",)), Shown(HERE, session=session)):
        with pytest.raises(NotShown):
            house.door.admit(shown)
    assert not house.door.still_knows(session)
