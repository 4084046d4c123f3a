"""`consent-gateway erase`: removes a person from every store, after asking whether that is meant."""

import argparse

from gateway.commands.configuration import settings_of
from gateway.commands.ending import Ended
from gateway.commands.naming import said_of
from gateway.commands.removing import confirmed, print_receipts, remove
from gateway.ledger import Right


def run(arguments: argparse.Namespace) -> int:
    """Erase; gives 0 when it is done. Raises Ended."""
    settings = settings_of(arguments)
    named = said_of(arguments, settings)
    if not arguments.yes and not confirmed():
        raise Ended(2, "Nothing was erased. Where nobody can be asked, say --yes.")
    print_receipts(remove(settings, Right.ERASE, *named), arguments)
    return 0
