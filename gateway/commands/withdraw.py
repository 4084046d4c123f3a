"""`consent-gateway withdraw`: takes out what waits for a person who withdraws their consent, and refuses what comes later."""

import argparse

from gateway.commands.configuration import settings_of
from gateway.commands.naming import said_of
from gateway.commands.removing import print_receipts, remove
from gateway.ledger import Right


def run(arguments: argparse.Namespace) -> int:
    """Withdraw; gives 0 when it is done. Raises Ended."""
    settings = settings_of(arguments)
    print_receipts(remove(settings, Right.WITHDRAW, *said_of(arguments, settings)), arguments)
    return 0
