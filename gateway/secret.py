"""A secret that does not print.

A platform's token or an API key travels as a `Secret` from the settings to the one place that needs its text. Its
repr, str and format are masked, it is compared in constant time, and it has proved at birth that it can stand in an
HTTP header, so no line break can add a header of its own later.
"""

import hmac
import re
from typing import Final

VISIBLE: Final = re.compile(r"[!-~]{1,8192}", re.ASCII)
"""What may stand in a header without a blank: visible ASCII."""

MASK: Final = "**********"


class Secret:
    """A secret text: 1–8192 visible ASCII characters. Raises ValueError that names the rule, never the value.

    Not hashable: a secret is no key of a table.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        """Check and keep `value`."""
        if VISIBLE.fullmatch(value) is None:
            raise ValueError("a secret must be 1 to 8192 visible ASCII characters without blanks or line breaks")
        self.__value = value

    def reveal(self) -> str:
        """Give the text itself; for the line of code that hands it over, and nowhere else."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on where the texts differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value, other.__value)

    __hash__ = None  # type: ignore[assignment]  # said in the class's docstring

    def __repr__(self) -> str:
        """Show that there is a secret, and nothing of it, not even its length."""
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        """Show only the mask."""
        return MASK

    def __reduce__(self) -> str:
        """Refuse to be pickled: a pickle is a clear copy."""
        raise TypeError("a secret is not serialised")

    def __copy__(self) -> "Secret":
        """A secret does not change, so it is its own copy."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        """A secret does not change, so it is its own copy."""
        return self
