"""What people type, read: each function gives the value of an option, or raises ArgumentTypeError with what is right."""

import argparse
import math
import re
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from io import TextIOWrapper
from ipaddress import ip_address
from typing import TypeVar

from gateway.commands.ending import Ended
from gateway.model.words import Destination, Kind, Reason
from gateway.places import DEMO_LAST_OFFSET

Value = TypeVar("Value", bound=StrEnum)


def text(text: str) -> str:
    """Read a name that is hashed or sent: bytes that the shell's encoding could not read are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("must be UTF-8 text") from None
    return text


def piped_line(longest: int = -1) -> str:
    """Read a line of standard input, without its end; as UTF-8, in whatever locale: it is hashed. Raises Ended."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    try:
        return sys.stdin.readline(longest).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Ended(2, "What is on standard input is not UTF-8 text.") from None


def first_port(text: str) -> int:
    """Read the demo's first port, after which there is room for the others."""
    last = 65_535 - DEMO_LAST_OFFSET
    if re.fullmatch(r"\d{1,5}", text, re.ASCII) is None or not 1 <= int(text) <= last:
        raise argparse.ArgumentTypeError(f"must be from 1 to {last}")
    return int(text)


def test_code(text: str) -> str:
    """Read the code under which Meta shows test events; it goes into a request."""
    if re.fullmatch(r"[A-Za-z0-9]{1,40}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError("must be letters and digits, such as TEST12345")
    return text


def reason(text: str) -> Reason:
    """Read what a dead letter died of."""
    try:
        return Reason(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a reason as `consent-gateway dead` shows it, such as rejected") from None


def destination(text: str) -> Destination:
    """Read which destination."""
    return _one_of(Destination, text)


def kind(text: str) -> Kind:
    """Read which kind of event."""
    return _one_of(Kind, text)


def _one_of(values: type[Value], text: str) -> Value:
    try:
        return values(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(values)}") from None


def moment(text: str) -> int:
    """Read a moment as Unix seconds: a date, a time with its offset, or how long ago."""
    ago = re.fullmatch(r"(\d{1,4})([hd])", text, re.ASCII)
    if ago is not None:
        return int(time.time()) - int(ago[1]) * {"h": 3600, "d": 86_400}[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date, a time such as 2026-11-22T10:00:00Z, or 36h or 3d ago") from None
    return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))


def base_url(text: str) -> str:
    """Read a gateway's public address, without a slash at its end. Without TLS only where no stranger is on the way."""
    if (found := re.fullmatch(r"(https?)://([^\s/?#@\\:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?", text)) is None:
        raise argparse.ArgumentTypeError("must be an address such as https://gateway.example, without a path")
    if found[1] == "http" and not _is_near(found[2].strip("[]")):
        raise argparse.ArgumentTypeError("must begin with https://: on the way there others could read the key and the orders")
    return text.rstrip("/")


def _is_near(host: str) -> bool:
    """Tell whether a host is on this machine or in a private network, as far as its address or name tells."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host


def rate(text: str) -> float:
    """Read how many events a second, more than none."""
    found = float(text)
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError("must be more than 0")
    return found


def count(text: str) -> int:
    """Read how many, at least one."""
    found = int(text)
    if not 1 <= found <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 1000000")
    return found


def standard_input(text: str) -> str:
    """Read where an address comes from: standard input alone. What was typed instead is not repeated."""
    if text != "-":
        raise argparse.ArgumentTypeError(
            "takes only -, for standard input: on a command line an address stays in the shell's history, and every user of"
            " the machine can read it in the list of processes. Use --email - or --email-file"
        )
    return text
