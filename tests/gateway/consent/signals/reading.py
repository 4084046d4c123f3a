"""What the tests of the signals share: a context to read in, and values that are no answer to any question."""

from typing import Final

from gateway.consent.statement import Context
from tests.strategies import DAY, NOW

MAX_AGE: Final = 183 * DAY
PLAIN: Final = Context(now=NOW, attested=False, country="FR", max_age=MAX_AGE)
"""A visitor in France, no banner attested, no date."""
ATTESTED: Final = Context(now=NOW, attested=True, country="FR", max_age=MAX_AGE)
"""The same where the storefront attests that a banner asks."""

NO_BOOLEANS: Final[tuple[object, ...]] = (
    "true",
    "false",
    "yes",
    "granted",
    "",
    1,
    0,
    1.0,
    [],
    [True],
    {},
    {"advertising": True},
)
"""What somebody may have meant as a yes or a no, and what is neither in JSON."""
