"""What a batch of events adds up to, so that what is true of all of it costs no work for each of them. Pure.

It is made once, when a group is opened, and shared by the couriers of a storefront, who carry the same groups: they learn
from it whether all may go, and add all up when all was delivered, which are nearly all batches.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from gateway.model.event import Minimised
from gateway.model.words import Kind


class Summary(NamedTuple):
    """What some events add up to. Times are Unix seconds; `None` where there are no events.

    `accepted` counts them by kind and by when they were accepted; `worth` is their order value in minor units by kind and
    currency; `occurred` is when each happened, ascending.
    """

    accepted: Mapping[tuple[Kind, int], int]
    worth: Mapping[tuple[Kind, str], int]
    occurred: Sequence[int]
    first_consent: int | None
    """When the oldest consent was given."""
    first_maybe: int | None = None
    """When a platform may first have got one of them; None: none was ever about to leave."""

    @property
    def kinds(self) -> Counter[Kind]:
        """How many there are of each kind."""
        kinds: Counter[Kind] = Counter()
        for (kind, _), count in self.accepted.items():
            kinds[kind] += count
        return kinds

    @property
    def first_accepted(self) -> int:
        """When the first of them was accepted. Raises ValueError where there are none."""
        return min(at for _, at in self.accepted)

    @classmethod
    def of(cls, events: Sequence[Minimised], ats: Sequence[int], first_maybe: int | None = None) -> Self:
        """Add events up; `ats` has when each was accepted."""
        worth: defaultdict[tuple[Kind, str], int] = defaultdict(int)
        for event in events:
            if (money := event.money) is not None:
                worth[event.kind, money.currency] += money.minor
        return cls(
            Counter(zip([event.kind for event in events], ats, strict=True)),
            worth,
            sorted([event.occurred_at for event in events]),
            min([event.consent_at for event in events], default=None),
            first_maybe,
        )

    @classmethod
    def together(cls, summaries: Sequence[Self]) -> Self:
        """Add one summary or more up."""
        if len(summaries) == 1:
            return summaries[0]
        accepted: defaultdict[tuple[Kind, int], int] = defaultdict(int)
        worth: defaultdict[tuple[Kind, str], int] = defaultdict(int)
        for one in summaries:
            for moment, count in one.accepted.items():
                accepted[moment] += count
            for sort, minor in one.worth.items():
                worth[sort] += minor
        return cls(
            accepted,
            worth,
            sorted([moment for one in summaries for moment in one.occurred]),
            _earliest(one.first_consent for one in summaries),
            _earliest(one.first_maybe for one in summaries),
        )


def _earliest(moments: Iterable[int | None]) -> int | None:
    return min((moment for moment in moments if moment is not None), default=None)
