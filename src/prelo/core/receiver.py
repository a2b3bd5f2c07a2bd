"""Where a webhook may be: which addresses are written to, and which never are."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from prelo.core.errors import FieldError, Invalid

_MOST = 2048
_PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
                   r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")  # fmt: skip

# IANA's special-purpose registries, and what clouds keep inside although it looks public. Written out,
# because what Python calls global changed between its versions.
_INSIDE_4 = [
    ip_network(n) for n in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
# Of IPv6 only 2000::/3 is public: mapped and NAT64 forms of IPv4, ::1, fc00::/7, fe80::/10 and ff00::/8 lie
# outside of it. Within it: protocols and Teredo, documentation, 6to4.
_PUBLIC_6 = ip_network("2000::/3")
_INSIDE_6 = [
    ip_network(n)
    for n in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]


class Receiver(NamedTuple):
    """An address that was checked, in the parts that a connection is made by."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """For the Host header: without a port that goes without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def receiver_of(url: str, *, local: bool = False) -> Receiver:
    """Read a webhook's URL. Raises Invalid, without repeating the URL: it may hold a secret.

    `local` lets receivers on this machine's loopback in, by http, too. A name is judged when it is resolved.
    """
    if (
        not 0 < len(url) <= _MOST
        or not url.isascii()
        or not url.isprintable()
        or set(url) & set(" \\")
    ):
        raise _wrong(
            f"write an address of at most {_MOST} ASCII characters, without spaces; the host as xn--…"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong("this is no URL; write https://host/path") from error
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host:
        raise _wrong("write https://host/path")
    if "@" in parts.netloc:
        raise _wrong("no user or password in the address: the signature says who sends")
    if "#" in url:
        raise _wrong("no fragment (#…): it is never sent")
    if port == 0:
        raise _wrong("port 0 is no port")
    _checked_host(host, local=local)
    if parts.scheme == "http" and not (local and _is_loopback(host)):
        raise _wrong("use https: a notice is not sent in clear text")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Receiver(parts.scheme, host, port or _PORTS[parts.scheme], target)


def _checked_host(host: str, *, local: bool) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise _wrong("the host is no name of the DNS; write it in ASCII, as xn--…") from None
        return
    refused = refusal(str(address), local=local)
    if refused:
        raise _wrong(refused)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(address: str, *, local: bool = False) -> str | None:
    """Why nothing is sent to this IP address; None for a public one. With `local` loopback may be, too."""
    try:
        ip = ip_address(address)
    except ValueError:  # as fe80::1%eth0: a zone is never public
        return f"{address} is no public address"
    if local and ip in {IPv4Address("127.0.0.1"), IPv6Address("::1")}:
        return None
    if isinstance(ip, IPv4Address):
        inside = any(ip in network for network in _INSIDE_4)
    else:
        inside = ip not in _PUBLIC_6 or any(ip in network for network in _INSIDE_6)
    return (
        f"{address} is not public; webhooks are sent to public addresses only" if inside else None
    )


def _wrong(detail: str) -> Invalid:
    return Invalid(
        f"the webhook's url cannot be used: {detail}", (FieldError(pointer="/url", detail=detail),)
    )
