"""What a signal contributes: a statement about some destinations. The only thing the decision table sees."""

from typing import Final

import msgspec

from gateway.consent.place import UNKNOWN, Place
from gateway.consent.policy import Policy
from gateway.model.words import Destination, Fault, Refusal, Signal, State

EVERYWHERE: Final = tuple(Destination)


class Context(msgspec.Struct, gc=False):
    """What a reader may know besides its own signal, and where it leaves the date of a choice. Times are Unix seconds.

    `attested`: the storefront attests that a consent banner asks visitors of this visitor's region. `given_at`: the
    consent's own date, None when it has none, or what is wrong with it.
    """

    now: int
    policy: Policy
    place: Place = UNKNOWN
    attested: bool = False
    given_at: int | Fault | None = None
    chosen_at: int | None = None
    """The earliest date that a signal gave of itself: how old the consent is. Readers say it by `date`."""

    personalised: bool | None = None
    """What was said of personalised advertising, a question of its own (Google's `ad_personalization`); a no stands."""

    def date(self, at: int) -> None:
        """Say that a signal's choice was made at `at`."""
        if self.chosen_at is None or at < self.chosen_at:
            self.chosen_at = at

    def personalise(self, granted: bool) -> None:
        """Say that a signal grants or refuses personalised advertising."""
        self.personalised = granted and self.personalised is not False


class Statement(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One thing a signal says. `refusal` is the reason to give when this statement decides against a destination.

    `covers` are the destinations it speaks of; a grant counts for no other.
    """

    signal: Signal
    state: State
    covers: tuple[Destination, ...] = EVERYWHERE
    refusal: Refusal | None = None


Statements = tuple[Statement, ...]
