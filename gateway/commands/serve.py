"""`consent-gateway serve`: runs the gateway until it is told to stop."""

import argparse
import resource
from typing import Final

import uvloop

from gateway.app import serve
from gateway.commands.configuration import settings_with_secrets
from gateway.commands.ending import Ended
from gateway.commands.starting import failures_told
from gateway.log import Log, tame_libraries

FEWEST_FILES: Final = 64
"""Files and connections without which nothing can be served: the stores and listeners alone have some twenty."""
OTHER_FILES: Final = 1024
"""What may be open beside the connections of both listeners: stores, logs, connections to platforms."""


def run(arguments: argparse.Namespace) -> int:
    """Run a gateway; gives its exit code. Raises Ended when it cannot start."""
    log = Log()
    settings = settings_with_secrets(arguments)
    _allow_files(2 * settings.server.max_connections + OTHER_FILES)
    with failures_told():
        return uvloop.run(serve(settings, log, tame_libraries(log)))


def _allow_files(wanted: int) -> None:
    """Let this process open so many files and connections, as far as it may. Raises Ended where those are too few to serve.

    The limit that a process begins with is for programs that use select(); others are meant to raise it as far as they need
    (https://0pointer.net/blog/file-descriptor-limits.html).
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    if wanted < FEWEST_FILES:
        raise Ended(
            1,
            f"The gateway may have only {wanted} files and connections open at a time; it needs {FEWEST_FILES} to start, and"
            " one more for each connection.",
            "Raise the limit: LimitNOFILE in the service's unit, or `ulimit -n` before it is started.",
        )
