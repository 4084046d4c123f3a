"""`consent-gateway tag`: prints the lines that a shop puts into its pages, or Shopify's pixel with both names filled in."""

import argparse
import re
import sys
from typing import Final

from gateway.commands.ending import Ended
from gateway.commands.showing import err, out
from gateway.tag.snippet import BadAddress, pixel, policy, snippet

PUBLISHABLE: Final = re.compile(r"pk_[a-z0-9]{1,20}_[A-Za-z0-9_-]{43}", re.ASCII)


def run(arguments: argparse.Namespace) -> int:
    """Print one of the two; gives 0. Raises Ended."""
    if arguments.key.startswith("sk_"):
        raise Ended(2, "--key: must be a publishable key (pk_…). A secret one must never stand in a page.")
    if PUBLISHABLE.fullmatch(arguments.key) is None:
        raise Ended(
            2, "--key: must be a whole publishable key, as `consent-gateway key make` printed it: pk_, its id, 43 characters."
        )
    try:
        if arguments.shopify:
            sys.stdout.write(pixel(arguments.address, arguments.key))
            err.print(
                "Paste it at Shopify: Settings, Customer events, Add custom pixel; and set allow_null_origin = true here."
            )
            return 0
        line = snippet(arguments.address, arguments.key, clicks=arguments.clicks, pages=not arguments.no_page_views)
        out.print(line, markup=False, highlight=False)
        err.print("For the head of every page. A page that has a Content-Security-Policy must allow:")
        err.print(f"  {policy(arguments.address)}", markup=False)
    except BadAddress as bad:
        raise Ended(2, f"--address: {bad}") from None
    return 0
