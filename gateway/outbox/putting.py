"""The outbox's writer: what many requests put at the same time is stored as one.

All the puts of a group go to the store in one call, after the group's other changes; it packs them together. So a thousand
small requests cost little more than one large one.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.outbox import Entry, Fate
from gateway.outbox.store import Changes, Store
from gateway.outbox.writer import Answer, Change, Writer, ignore


class _Put(Change[Store, Any], frozen=True, eq=False, gc=False, kw_only=True):
    """One request's entries. It is made with its neighbours, so its own `run` is never called."""

    entries: Sequence[Entry]


class PuttingWriter(Writer[Store, Changes]):
    """The thread of an outbox."""

    def put(self, entries: Sequence[Entry]) -> asyncio.Future[Sequence[Fate]]:
        """Queue a request's entries. Raises Unavailable."""
        future: asyncio.Future[Sequence[Fate]] = self._future()
        self._queue_change(_Put(ignore, ignore, future, len(entries), entries=entries))
        return future

    def _make(self, store: Store, changes: Sequence[Change[Store, Any]]) -> list[Answer]:
        """Make the puts together, after the other changes."""
        puts = [change for change in changes if isinstance(change, _Put)]
        answers = super()._make(store, [change for change in changes if not isinstance(change, _Put)])
        if puts:
            for put, outcome in zip(puts, store.put([put.entries for put in puts]), strict=True):
                fault = outcome if isinstance(outcome, ValueError) else None
                answers.append(Answer(put, outcome, fault))
        return answers
