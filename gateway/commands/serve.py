"""`consent-gateway serve`: runs the gateway until it is told to stop."""

import argparse

import uvloop

from gateway.app import serve
from gateway.commands.configuration import settings_with_secrets
from gateway.commands.starting import failures_told
from gateway.log import Log, tame_libraries


def run(arguments: argparse.Namespace) -> int:
    """Run a gateway; gives its exit code. Raises Ended when it cannot start."""
    log = Log()
    settings = settings_with_secrets(arguments)
    with failures_told():
        return uvloop.run(serve(settings, log, tame_libraries(log)))
