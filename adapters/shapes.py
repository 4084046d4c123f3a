"""How the values in a destination's block of the configuration are checked: by shape, with the rule in words.

A fault says what the value must look like and never repeats it: people paste tokens into the wrong line.
"""

import re

from pydantic import AfterValidator


def shaped(pattern: str, rule: str) -> AfterValidator:
    """Make a check that takes a string matching `pattern` whole, else fails with the text `rule`."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(rule)
        return text

    return AfterValidator(check)


BASE_URL = shaped(
    r"https?://[A-Za-z0-9.\-\[\]:]{1,260}", "must be scheme and host only, such as https://api.example, without a path"
)
"""Scheme, host and port; which hosts are allowed is decided where the whole configuration is known."""

URL = shaped(
    r"https?://[A-Za-z0-9.\-\[\]:]{1,260}(?:/[A-Za-z0-9_\-]{1,40}){0,4}", "must be an address such as https://api.example/token"
)
"""Scheme, host, port and a plain path; which hosts are allowed is decided where the whole configuration is known."""
