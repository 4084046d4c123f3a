"""What a setting may be: each kind of value is read here from what stands in the file.

A reader takes anything and gives the value, or raises `Rule`, which says what it breaks and nothing of what it was.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationInfo

from gateway.keys import KeyHash, KeyId
from gateway.model.texts import PageOrigin


class Rule(ValueError):
    """What a value breaks, in words that are always the same: they repeat nothing of it, even where they happen to name it."""


class Address(NamedTuple):
    """Where to listen. Port 0 takes any free one."""

    host: str
    port: int


LISTEN: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<four>[0-9.]+)|(?P<name>localhost)):(?P<port>\d{1,5})", re.ASCII)
NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
TAKEN_HEADERS: Final = frozenset(
    {"authorization", "cookie", "forwarded", "host", "origin", "referer", "sec-gpc", "user-agent", "x-forwarded-for"}
)
"""Headers that mean something of their own, or hold what identifies."""
SIZE: Final = re.compile(r"(?P<number>\d{1,12}) ?(?P<unit>B|KiB|MiB|GiB|TiB)", re.ASCII)
UNITS: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
DEFAULT_PORTS: Final = (("https://", ":443"), ("http://", ":80"))
ORIGIN_OF_LOG: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?(?:/[a-z0-9._-]{1,40}){0,4}", re.ASCII)


def address(value: object) -> Address:
    """Read `0.0.0.0:8080` or `[::1]:8081`."""
    rule = "must be an address and a port, such as 127.0.0.1:8081 or [::1]:8081"
    match = LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65_535:
        raise Rule(rule)
    host = match["six"] or match["four"] or match["name"]
    try:
        return Address(host if match["name"] else ip_address(host).compressed, int(match["port"]))
    except ValueError:
        raise Rule(rule) from None


def host_name(value: object) -> str:
    """Read a host's name, as it stands in a `Host` header but for its port."""
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise Rule("must be a host's name in lower case, such as gateway.internal, without a port")
    return value


def header_name(value: object) -> str:
    """Read the name of a header (RFC 9110, 5.1), without those that say something else."""
    if not isinstance(value, str) or HEADER.fullmatch(value) is None or value.lower() in TAKEN_HEADERS:
        raise Rule("must be the name of a header that a proxy in front sets, such as CF-IPCountry")
    return value


def network(value: object) -> IPv4Network | IPv6Network:
    """Read `10.0.0.0/8`; the whole internet is not a proxy."""
    rule = "must be a network such as 10.0.0.0/8, with no host bit set"
    if not isinstance(value, str):
        raise Rule(rule)
    try:
        network = ip_network(value)
    except ValueError:
        raise Rule(rule) from None
    if network.prefixlen == 0:
        raise Rule("must not trust the whole internet")
    return network


def size(value: object) -> int:
    """Read `2GiB` as bytes."""
    match = SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Rule("must be a size in text, such as 512MiB or 2GiB")
    size = int(match["number"]) * UNITS[match["unit"]]
    if not 2**20 <= size <= 2**44:
        raise Rule("must be from 1MiB to 16TiB")
    return size


def canary_minutes(value: object) -> int:
    """Read how often destinations are tried out: not at all, or no more often than every five minutes."""
    if isinstance(value, bool) or not isinstance(value, int) or (value != 0 and not 5 <= value <= 1440):
        raise Rule("must be 0 (off) or a number of minutes from 5 to 1440")
    return value


def path(value: object, info: ValidationInfo) -> Path:
    """Read a path; a relative one begins at the configuration file's folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise Rule("must be a path")
    base: Path = info.context["base"] if info.context else Path()
    return base / value


def origin(value: object) -> PageOrigin:
    """Read an origin exactly as a browser's `Origin` header writes it: lower case, no default port."""
    rule = "must be an origin in lower case, such as https://shop.example, without a path"
    if not isinstance(value, str):
        raise Rule(rule)
    try:
        origin = PageOrigin(value)
    except ValueError:
        raise Rule(rule) from None
    if any(origin.startswith(scheme) and origin.endswith(port) for scheme, port in DEFAULT_PORTS):
        raise Rule("must leave the default port out: a browser's Origin header never has it")
    return origin


def key_id(value: object) -> KeyId:
    """Read a key's public name."""
    try:
        return KeyId(value if isinstance(value, str) else "")
    except ValueError:
        raise Rule("must be 1 to 20 of a-z 0-9") from None


def key_hash(value: object) -> KeyHash:
    """Read a key's hash."""
    try:
        return KeyHash(value if isinstance(value, str) else "")
    except ValueError:
        raise Rule("must be 64 lower-case hex digits, never the key itself") from None


def log_origin(value: object) -> str:
    """Read the name of a log: a host and a path, which need not lead anywhere."""
    if not isinstance(value, str) or ORIGIN_OF_LOG.fullmatch(value) is None:
        raise Rule("must name the log by a host and a path in lower case, such as gateway.example/log")
    return value


def zone(value: object) -> ZoneInfo:
    """Find a time zone by its name in the IANA database."""
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rule("is the name of a time zone, as Europe/Paris") from None
