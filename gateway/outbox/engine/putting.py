"""The outbox's writer: what many requests put at the same time is stored as one.

All the puts of a group go to the store in one call, after the group's other changes; it packs them together. So a thousand
small requests cost little more than one large one, if they are of few storefronts: each of these has a sealed group and lines
in the books of its own. So a group is also bounded by how many there are, or the first would wait as long as the last.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from gateway.outbox.engine.store import Changes, Store
from gateway.outbox.entries import Entry, Stored
from gateway.storage import Shut, Unavailable
from gateway.storage.writer import Answer, Change, Writer, ignore

STOREFRONT_ENTRIES: Final = 8
"""What a storefront of a group costs beyond its entries, in entries: some tenth of a millisecond."""


class _Put(Change[Store, Any], frozen=True, eq=False, gc=False, kw_only=True):
    """The entries of requests that came together. It is made with its neighbours, so its own `run` is never called."""

    requests: Sequence[Sequence[Entry]]


class PuttingWriter(Writer[Store, Changes]):
    """The thread of an outbox."""

    def put(self, requests: Sequence[Sequence[Entry]]) -> asyncio.Future[Sequence[Stored]]:
        """Queue the entries of each request; what comes of one is told in its place. Raises Unavailable, for all of them."""
        future: asyncio.Future[Sequence[Stored]] = self._future()
        storefronts = {entries[0].storefront for entries in requests if entries}
        more = STOREFRONT_ENTRIES * len(storefronts)
        self._queue_change(_Put(ignore, ignore, future, sum(map(len, requests)), more, requests=requests))
        return future

    def _make(self, store: Store, changes: Sequence[Change[Store, Any]]) -> list[Answer]:
        """Make the puts together, after the other changes."""
        puts = [change for change in changes if isinstance(change, _Put)]
        answers = super()._make(store, [change for change in changes if not isinstance(change, _Put)])
        if puts:
            outcomes = store.put([entries for put in puts for entries in put.requests])
            for put in puts:
                answers.append(Answer(put, outcomes[: len(put.requests)]))
                del outcomes[: len(put.requests)]
        return answers

    def _apply(self, store: Store, changes: Sequence[Change[Store, Any]]) -> list[Answer]:
        """Apply changes; where a put of several requests is at fault, each of these in a transaction of its own."""
        answers = super()._apply(store, changes)
        match changes:
            case [_Put() as put] if len(put.requests) > 1 and answers and _at_fault(answers[0]):
                return [Answer(put, [self._put_alone(store, put, entries) for entries in put.requests])]
            case _:
                return answers

    def _put_alone(self, store: Store, put: _Put, entries: Sequence[Entry]) -> Stored:
        alone = _Put(ignore, ignore, put.future, len(entries), requests=(entries,))
        answers = super()._apply(store, (alone,))
        if not answers:
            return Unavailable(Shut.FAILED)
        (answer,) = answers
        if isinstance(answer.fault, Exception):
            return answer.fault
        (outcome,) = answer.result  # type: ignore[misc]  # `_make` gives one for each request
        return outcome  # type: ignore[no-any-return, has-type]


def _at_fault(answer: Answer) -> bool:
    """Say whether it was the change itself, not the store, that failed."""
    return answer.fault is not None and not isinstance(answer.fault, Unavailable)
