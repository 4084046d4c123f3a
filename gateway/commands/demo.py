"""`consent-gateway demo`: runs everything on this machine until it is interrupted."""

import argparse

import uvloop

from gateway import demo
from gateway.commands.showing import out
from gateway.commands.starting import failures_told
from gateway.log import Log, tame_libraries


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; gives its exit code. Raises Ended when it cannot start."""
    log = Log()
    with failures_told():
        return uvloop.run(demo.run(arguments.state, arguments.port, log, tame_libraries(log), out))
