"""What the tests of the signals share: a context to read in, and values that are no answer to any question."""

from typing import Final

from gateway.consent.place import place_of
from gateway.consent.policy import Policy
from gateway.consent.statement import Context
from gateway.model.words import Fault
from tests.strategies import DAY, NOW

MAX_AGE: Final = 183 * DAY


def plain(
    country: str | None = "FR", *, policy: Policy | None = None, given_at: int | Fault | None = None, region: str | None = None
) -> Context:
    """A context of its own: a visitor in France, no banner attested, no date."""
    return Context(now=NOW, policy=policy or Policy(), place=place_of(((country, region),)), given_at=given_at)


def attested(country: str | None = "FR", *, policy: Policy | None = None, region: str | None = None) -> Context:
    """The same where the storefront attests that a banner asks."""
    return Context(now=NOW, policy=policy or Policy(), place=place_of(((country, region),)), attested=True)


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
