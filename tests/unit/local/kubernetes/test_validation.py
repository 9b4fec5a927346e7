"""Names, ranges and policies: what is refused, and that nothing else is."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes import names
from deploy.local.kubernetes.cidrs import cidr_problems, is_strict_subset
from deploy.local.kubernetes.policy_validation import policy_causes
from tests.unit.local.kubernetes.objects import SPECS

V4 = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))
WORDS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\Z")


@given(SPECS)
def test_a_policy_made_of_valid_parts_is_valid(spec: dict[str, object]) -> None:
    assert list(policy_causes(spec)) == []


@given(V4)
def test_a_range_is_valid_exactly_if_no_bit_follows_its_prefix(drawn: tuple[int, int]) -> None:
    number, length = drawn
    network = ip_network((number, length), strict=False)
    text = f"{ip_network(number).network_address}/{length}"

    assert (list(cidr_problems(text)) == []) is (str(network) == text)


@given(st.text(alphabet="0123456789./:af%", max_size=20))
def test_any_text_is_a_range_or_has_a_problem(text: str) -> None:
    if not list(cidr_problems(text)):
        assert str(ip_network(text).prefixlen) == text.partition("/")[2]


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "fe80::%1/64", "10.0.0.0/+8", "10.0.0.0/ 8"],
)
def test_what_only_python_reads_is_no_range(text: str) -> None:
    assert list(cidr_problems(text)) == [
        "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    ]


@pytest.mark.parametrize("text", ["::ffff:10.0.0.0/104", "::ffff:10.0.0.0/8"])
def test_a_mapped_address_is_refused(text: str) -> None:
    assert list(cidr_problems(text)) == ["must not have an IPv4-mapped IPv6 address"]


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.0.0.1/32", "2001:db8::/64", "0::/8"])
def test_these_are_ranges(text: str) -> None:
    assert list(cidr_problems(text)) == []


@given(V4, V4)
def test_a_strict_subset_is_smaller_and_inside(one: tuple[int, int], two: tuple[int, int]) -> None:
    inner, outer = ip_network(one, strict=False), ip_network(two, strict=False)

    inside = inner[0] in outer and inner[-1] in outer
    assert is_strict_subset(str(inner), str(outer)) is (inside and inner != outer)


@given(WORDS)
def test_a_word_is_valid_everywhere(word: str) -> None:
    for check in (names.subdomain, names.dns_label, names.label_value, names.label_key):
        assert list(check(word)) == []
    assert list(names.label_key(f"example.com/{word}")) == []


@pytest.mark.parametrize("word", ["-a", "a-", "a b", "a_b", "A", "ä", "a\n", "", ".", "a..b"])
def test_these_are_no_object_names(word: str) -> None:
    assert list(names.subdomain(word))


@pytest.mark.parametrize("word", ["-a", "a-", "a b", "ä", "a\n", "a" * 64, "a/b"])
def test_these_are_no_label_values(word: str) -> None:
    assert list(names.label_value(word))


@pytest.mark.parametrize("word", ["", "/a", "a/", "a/b/c", "A.com/a", "a" * 64, "a" * 254 + "/a"])
def test_these_are_no_label_keys(word: str) -> None:
    assert list(names.label_key(word))


@pytest.mark.parametrize(
    ("word", "problems"),
    [
        ("http", 0),
        ("a-1", 0),
        ("80", 1),
        ("a" * 16, 1),
        ("a--b", 1),
        ("-a", 1),
        ("a-", 1),
        ("HTTP", 2),
        ("", 2),
    ],
)
def test_a_port_has_a_short_name_with_a_letter(word: str, problems: int) -> None:
    assert len(list(names.port_name(word))) == problems
