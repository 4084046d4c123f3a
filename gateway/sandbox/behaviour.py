"""How a stand-in behaves at the moment: a mode, and for how long or how often it holds.

A `Behaviour` says what happens to a request; a `Switch` holds the ones that are due, one after the other, and hands
out one per request. What is random is seeded, so a run can be repeated exactly.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum, unique
from zlib import crc32

from pydantic import BaseModel, Field


@unique
class Mode(StrEnum):
    """What a stand-in does with a request."""

    SUCCESS = "success"
    """Judge by the published rules; take what is valid."""
    REFUSE_BATCH = "refuse_batch"
    """Refuse the whole request, whatever is in it; nothing is taken."""
    REFUSE_EVENTS = "refuse_events"
    """Refuse chosen events as if they were invalid. Meta and Google then refuse the request, Pinterest the event."""
    THROTTLE = "throttle"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a mode
    PERMISSION = "permission"
    SLOW = "slow"
    """Take the events, answer only after `seconds`: who gives up before that cannot know."""
    CUT_BEFORE_ANSWER = "cut_before_answer"
    """Take the events, then cut the connection without an answer."""
    CUT_BEFORE_READ = "cut_before_read"
    """Cut the connection before the body was read; nothing is taken."""
    SERVER_ERROR = "server_error"
    HTML_ERROR = "html_error"
    """A page of HTML in place of the platform's answer, as a load balancer sends it."""
    COUNT_MISMATCH = "count_mismatch"
    """The answer does not account for every event: the last one was not taken (Google: no request id, all taken)."""
    GARBAGE = "garbage"
    """Take the events, answer 200 with a body that cannot be read."""


class Behaviour(BaseModel, frozen=True, extra="forbid", strict=True):
    """One mode and its particulars. Raises pydantic's ValidationError for what is out of range.

    `variant` picks one of the platform's several answers for the mode (None: the usual one). `requests`: for the next
    so many requests only. `probability` with `seed`: for some requests only. `seconds`: how long `slow` takes, and what
    `throttle` asks to wait. `event_ids`, `names`, `fraction`: whom `refuse_events` refuses, by id, by the platform's name for
    the kind of event (Google: its conversion action), or in part; the fraction is chosen by the event
    id, so that a repeat meets the same fate. `taken`: the events are taken although the answer is an error.
    """

    mode: Mode = Mode.SUCCESS
    variant: str | None = None
    requests: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(default=2.0, ge=0, le=600)
    event_ids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    fraction: float = Field(default=0.0, ge=0, le=1)
    taken: bool = False

    def refuses(self, name: str, event_id: str) -> bool:
        """Say whether `refuse_events` means this event."""
        in_part = crc32(f"{self.seed}:{event_id}".encode()) < self.fraction * 2**32
        return in_part or event_id in self.event_ids or name in self.names


SUCCESS = Behaviour()

Predicate = Callable[[str, str], bool]
"""(event name, event id) → refuse it. Only in process: a function cannot come over HTTP."""


class Switch:
    """The behaviours that are due, first one first; when all are used up, `success`."""

    def __init__(self, variants: Mapping[Mode, Sequence[str]]) -> None:
        """Take the variants that the platform has for each mode; the first of each is the usual one."""
        self.variants = variants
        self._due: deque[Behaviour] = deque()
        self._left: int | None = None
        self._random = random.Random(0)  # noqa: S311 - repeatable by intent, no secret
        self._predicate: Predicate | None = None

    def set(self, *behaviours: Behaviour, refuses: Predicate | None = None) -> None:
        """Replace what is due. `refuses` adds to the choice of `refuse_events`.

        Raises ValueError when a variant is unknown for its mode; nothing is changed then.
        """
        for behaviour in behaviours:
            known = self.variants.get(behaviour.mode, ())
            if behaviour.variant is not None and behaviour.variant not in known:
                raise ValueError(f"variant of {behaviour.mode} must be one of: {', '.join(known) or '(none)'}")
        self._due = deque(behaviours)
        self._predicate = refuses
        self._begin()

    def reset(self) -> None:
        """Return to `success`."""
        self.set()

    @property
    def due(self) -> tuple[Behaviour, ...]:
        """What is due, `success` when there is nothing else."""
        return tuple(self._due) or (SUCCESS,)

    def next(self) -> Behaviour:
        """Say how the next request is treated, and count it."""
        if not self._due:
            return SUCCESS
        behaviour = self._due[0]
        if self._random.random() >= behaviour.probability:
            return SUCCESS
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._due.popleft()
                self._begin()
        return behaviour

    def variant(self, behaviour: Behaviour) -> str:
        """Name the variant meant: the one asked for, else the usual one, else an empty name."""
        return behaviour.variant or next(iter(self.variants.get(behaviour.mode, ())), "")

    def refuses(self, behaviour: Behaviour, name: str, event_id: str) -> bool:
        """Say whether `refuse_events` means this event, by id, fraction or predicate."""
        return behaviour.refuses(name, event_id) or (self._predicate is not None and self._predicate(name, event_id))

    def _begin(self) -> None:
        """Start counting for the behaviour that is now first."""
        first = self._due[0] if self._due else SUCCESS
        self._left = first.requests
        self._random = random.Random(first.seed)  # noqa: S311 - repeatable by intent, no secret
