"""Whom a command is about: an address from standard input or a file, never from the command line, or other names of a person.

What stands on a command line is kept by the shell and can be read by every user of the machine in its list of processes.
For an address that is too much; the numbers of orders and the ids of browsers say nothing to whoever lacks the shop's books.
"""

import argparse
import sys
from typing import Final

import msgspec

from gateway.bounded import TooLarge, read_whole
from gateway.commands import typed
from gateway.commands.configuration import storefront_named
from gateway.commands.ending import Ended
from gateway.commands.showing import err
from gateway.model.words import Fault
from gateway.rights.naming import Asked, Wrong, read
from gateway.settings import PlainSettings

LONGEST_LINE: Final = 1000
"""Bytes of an address that are read; none has so many."""

WRONG: Final = {
    Fault.MISSING: "Say whom it is about: --email -, --email-file, --order-id, --client-id, --receipt, --cart-token or"
    " --checkout-token.",
    Fault.BAD_FORMAT: "is not of its form",
    Fault.TOO_LONG: "is too long: at most 256 characters",
}


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is posted to a gateway: the names of a person, the storefront, the law. Prints as `<Said>`."""

    email: str | None = None
    order_id: str | None = None
    client_id: str | None = None
    receipt: str | None = None
    cart_token: str | None = None
    checkout_token: str | None = None
    storefront: str | None = None
    law: str | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Said>"


def said_of(arguments: argparse.Namespace, settings: PlainSettings) -> tuple[Said, Asked]:
    """Read whom a command is about, as it is posted and as it is understood. Raises Ended, which repeats nothing of it."""
    storefront = None if arguments.storefront is None else str(storefront_named(settings, arguments.storefront))
    said = Said(
        email=_address(arguments),
        order_id=arguments.order_id,
        client_id=arguments.client_id,
        receipt=arguments.receipt,
        cart_token=arguments.cart_token,
        checkout_token=arguments.checkout_token,
        storefront=storefront,
        law=arguments.law,
    )
    asked = read(msgspec.json.encode(said))
    if isinstance(asked, Wrong):
        raise _ended(asked)
    return said, asked


def _address(arguments: argparse.Namespace) -> str | None:
    """Read an address from a file or from standard input, without the end of its line."""
    if arguments.email_file is not None:
        try:
            return read_whole(arguments.email_file, LONGEST_LINE).decode().strip()
        except TooLarge:
            raise Ended(2, "The file with the address is too long: it holds one address and nothing else.") from None
        except (OSError, UnicodeDecodeError):
            raise Ended(2, "The file with the address cannot be read.") from None
    if arguments.email is None:
        return None
    if sys.stdin.isatty():
        err.print("The address, then Enter: ", end="")
    return typed.piped_line(LONGEST_LINE).strip()


def _ended(wrong: Wrong) -> Ended:
    if wrong.field is None:
        return Ended(2, WRONG[Fault.MISSING])
    option = f"--{wrong.field.replace('_', '-')}"
    return Ended(2, f"What {option} gives {WRONG.get(wrong.fault, 'cannot be read')}.")
