"""What holds for every test: nothing leaves this machine, and properties are given the time they need.

`HYPOTHESIS_PROFILE=deep` looks for counter-examples much longer than the gate does.
"""

import os
import sys
from ipaddress import ip_address
from typing import Any

from hypothesis import HealthCheck, settings


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine; a name other than localhost is not."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to connect to anything but loopback; a test that would reach further fails where it does so."""
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not is_loopback(arguments[1][0]):
        raise RuntimeError("tests connect to loopback only")


sys.addaudithook(stay_here)

# Machines are shared and busy: how long an example takes says nothing about the code.
settings.register_profile("gate", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("deep", settings.get_profile("gate"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
