"""What names, label keys and label values may look like."""

import re
from collections.abc import Iterator

_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
    "'-' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, "
    "'-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyValue',  or 'my_value',  or '12345', "
    f"regex used for validation is '({_QUALIFIED})?')"
)
_NAME_PART_TEXT = (
    "name part must consist of alphanumeric characters, "
    "'-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', "
    f"regex used for validation is '{_QUALIFIED}')"
)


def subdomain(value: str) -> Iterator[str]:
    """Say what keeps this from being an object name."""
    if len(value) > 253:
        yield "must be no more than 253 characters"
    if not re.fullmatch(_SUBDOMAIN, value):
        yield _SUBDOMAIN_TEXT


def dns_label(value: str) -> Iterator[str]:
    """Say what keeps this from being a namespace name."""
    if len(value) > 63:
        yield "must be no more than 63 characters"
    if not re.fullmatch(_LABEL, value):
        yield _LABEL_TEXT


def label_value(value: str) -> Iterator[str]:
    """Say what keeps this from being a label value."""
    if len(value) > 63:
        yield "must be no more than 63 bytes"
    if not re.fullmatch(f"({_QUALIFIED})?", value):
        yield _VALUE_TEXT


def label_key(key: str) -> Iterator[str]:
    """Say what keeps this from being a label key."""
    prefix, slash, name = key.rpartition("/")
    if slash:
        yield from _prefix(prefix)
    if not name:
        yield "name part must be non-empty"
    elif len(name) > 63:
        yield "name part must be no more than 63 bytes"
    if not re.fullmatch(_QUALIFIED, name):
        yield _NAME_PART_TEXT


def _prefix(prefix: str) -> Iterator[str]:
    if not prefix:
        yield "prefix part must be non-empty"
        return
    if len(prefix) > 253:
        yield "prefix part must be no more than 253 bytes"
    if not re.fullmatch(_SUBDOMAIN, prefix):
        yield f"prefix part {_SUBDOMAIN_TEXT}"


def port_name(value: str) -> Iterator[str]:
    """Say what keeps this from being a port's name."""
    if len(value) > 15:
        yield "must be no more than 15 characters"
    if not re.fullmatch("[-a-z0-9]+", value):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", value):
        yield "must contain at least one letter (a-z)"
    if "--" in value:
        yield "must not contain consecutive hyphens"
    if value.startswith("-") or value.endswith("-"):
        yield "must not begin or end with a hyphen"
