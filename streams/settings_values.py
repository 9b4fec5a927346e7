"""The kinds of values that settings have; no message repeats a value, for it may be a password."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat

ANY = "*"
"""Every address of this machine, as a host to listen at."""

# A topic's name has at most 249 characters: this leaves room for ours and for a cluster's name.
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,150}")
_SERVICE = re.compile(r"[a-z0-9][-a-z0-9]{0,62}/[a-z0-9][-a-z0-9]{0,62}")
_LABELLED = re.compile(
    r"[a-z0-9][-a-z0-9]{0,62}/"
    r"([a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,62}=[A-Za-z0-9][-A-Za-z0-9_.]{0,62}"
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_BROKER = re.compile(r"(?:kafka://)?([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})")


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise ValueError("a name is 1 to 40 of a-z, 0-9 and inner hyphens")
    return text


def _topic_prefix(text: str) -> str:
    if text and (_PREFIX.fullmatch(text) is None or text.strip(".") == ""):
        raise ValueError("a topic prefix is up to 150 of A-Z, a-z, 0-9, '.', '_' and '-'")
    return text


def host_ports(broker: str) -> str:
    """Return brokers as Kafka clients other than Faust want them: ``host:port,host:port``."""
    urls = broker.replace(";", ",").split(",")
    return ",".join(url.strip().split("://")[-1] for url in urls if url.strip())


def _broker(text: str) -> str:
    for part in text.replace(";", ",").split(","):
        match = _BROKER.fullmatch(part.strip())
        if match is None or not 1 <= int(match[2]) <= 65535:
            raise ValueError("a broker is HOST:PORT, several are separated by commas")
    return text


def check_url(text: str) -> str:
    """Return an http(s) base URL without credentials or a trailing slash, or raise ValueError.

    No message repeats the text, nor a part of it: it may be a password.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("a URL is http://HOST:PORT/PATH with a port from 1 to 65535") from None
    if "@" in text:
        raise ValueError("a URL with a user or password in it is refused")
    if any(each.isspace() or not each.isprintable() for each in text):
        raise ValueError("a URL has no blanks in it")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("a URL starts with http:// or https:// and names a host")
    if url.query or url.fragment or port == 0:
        raise ValueError("a base URL has no query, no fragment and a port from 1 to 65535")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def leaves_in_the_clear(url: str) -> bool:
    """Tell whether what is said to a URL can be read by others on its way."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not is_loopback(parts.hostname or "")


def _host(text: str) -> str:
    if text != ANY and not is_loopback(text) and not _is_address(text):
        raise ValueError("a host is an IP address of this machine, localhost, or * for all")
    return text


def _host_name(text: str) -> str:
    if text and _HOST_NAME.fullmatch(text) is None and not _is_address(text):
        raise ValueError("a name is that of a host, or an address, without a port")
    return text.lower()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _header(text: str) -> str:
    if text and _HEADER.fullmatch(text) is None:
        raise ValueError("a header is a name such as X-Forwarded-User")
    if text.lower() in ("authorization", "cookie", "host"):
        raise ValueError("a header of the proxy's own, such as X-Forwarded-User")
    return text


def _digits(value: object) -> object:
    # Python would read a blank, a sign or an underscore among the digits as well.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value) is None:
        raise ValueError("a port is a number from 1 to 65535")
    return value


def _cidr(text: str) -> str:
    try:
        return str(IPv4Network(text))
    except ValueError:
        raise ValueError("a range is an IPv4 network such as 10.244.0.0/16") from None


def _service(text: str) -> str:
    if _SERVICE.fullmatch(text) is None:
        raise ValueError("a service is NAMESPACE/NAME")
    return text


def _selector(text: str) -> str:
    # The API server reads it; what could lead out of a query is escaped on the way.
    if len(text) > 1000 or not text.isprintable():
        raise ValueError("a selector is as for kubectl -l: key=value, key in (a,b), key, !key")
    return text.strip()


def _labelled(text: str) -> str:
    if text and _LABELLED.fullmatch(text) is None:
        raise ValueError("pods are NAMESPACE/KEY=VALUE, by a label that they wear")
    return text


Broker = Annotated[str, AfterValidator(_broker)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Host = Annotated[str, AfterValidator(_host)]
HostName = Annotated[str, AfterValidator(_host_name)]
HeaderName = Annotated[str, AfterValidator(_header)]
Name = Annotated[str, AfterValidator(_name)]
Selector = Annotated[str, AfterValidator(_selector)]
LabelledPods = Annotated[str, AfterValidator(_labelled)]
ServiceName = Annotated[str, AfterValidator(_service)]
TopicPrefix = Annotated[str, AfterValidator(_topic_prefix)]
Port = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=65535)]
Url = Annotated[str, AfterValidator(check_url)]
UrlOrNone = Annotated[str, AfterValidator(lambda text: check_url(text) if text else text)]
Seconds = Annotated[FiniteFloat, Field(gt=0, le=86_400)]
