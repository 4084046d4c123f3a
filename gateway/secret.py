"""A secret that does not print.

A platform's token or an API key travels as a `Secret` from the settings to the one place that needs its text; a key
document of several lines as a `Document`. Their repr, str and format are masked, they are compared in constant time,
and each has proved at birth what it may be used for: a `Secret` can stand in an HTTP header, so no line break can add
a header of its own later.
"""

import hmac
import re
from typing import ClassVar, Final, Self

VISIBLE: Final = re.compile(r"[!-~]{1,8192}", re.ASCII)
"""What may stand in a header without a blank: visible ASCII."""

LINES: Final = re.compile(r"[ -~\t\r\n]{1,65536}", re.ASCII)
"""What a file of text holds: printable ASCII in lines. Google's key files are some 2,400 characters long."""

MUST_BE: Final = "what it refers to must be 1 to 8192 visible ASCII characters in one line"

MASK: Final = "**********"


class BadSecret(Exception):
    """A text that is no secret of the wanted sort. `rules` are those that it breaks, and nothing else is in it."""

    def __init__(self, *rules: str) -> None:
        """Keep the rules."""
        self.rules = rules
        super().__init__("; ".join(rules))


class Silent:
    """Base of the secret texts: subclasses name a pattern and refuse at birth what does not match it whole.

    Raises ValueError that names the rule, never the value. Not hashable: a secret is no key of a table.
    """

    __slots__ = ("__value",)
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    RULE: ClassVar[str] = ""

    def __init__(self, value: str) -> None:
        """Check and keep `value`."""
        if self.PATTERN.fullmatch(value) is None:
            raise ValueError(self.RULE)
        self.__value = value

    def reveal(self) -> str:
        """Give the text itself; for the line of code that hands it over, and nowhere else."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on where the texts differ."""
        if not isinstance(other, Silent) or type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self.__value, other.reveal())

    __hash__ = None  # type: ignore[assignment]  # said in the class's docstring

    def __repr__(self) -> str:
        """Show that there is a secret, and nothing of it, not even its length."""
        return f"{type(self).__name__}({MASK!r})"

    def __str__(self) -> str:
        """Show only the mask."""
        return MASK

    def __reduce__(self) -> str:
        """Refuse to be pickled: a pickle is a clear copy."""
        raise TypeError("a secret is not serialised")

    def __copy__(self) -> Self:
        """A secret does not change, so it is its own copy."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """A secret does not change, so it is its own copy."""
        return self


class Secret(Silent):
    """A secret text for a header: 1–8192 visible ASCII characters."""

    __slots__ = ()
    PATTERN = VISIBLE
    RULE = "a secret must be 1 to 8192 visible ASCII characters without blanks or line breaks"


class Document(Silent):
    """A secret text of several lines, such as a key document: 1–65536 printable ASCII characters, tabs and line breaks."""

    __slots__ = ()
    PATTERN = LINES
    RULE = "a secret document must be 1 to 65536 printable ASCII characters in lines"


def one_line(content: Document) -> Secret:
    """Read a token or key that stands alone in one line. Raises BadSecret."""
    try:
        return Secret(content.reveal())
    except ValueError:
        raise BadSecret(MUST_BE) from None
