"""When what waits in a lane has become old, so that what comes in now need not wait behind it.

After an outage a lane has hours of events to send. Sent in their order, every new event would be as late as the oldest:
Meta wants events within the hour, and what reaches Pinterest later than that counts as offline and is not held against
the tag's copy. So what is fresh and what is old take turns, one request each. Pure: the time is handed in.

https://developers.facebook.com/documentation/ads-commerce/conversions-api/best-practices and
https://segment.com/docs/connections/destinations/catalog/actions-pinterest-conversions-api/ (read 2026-11-22)
"""

from gateway.delivery.backoff import Pace
from gateway.outbox.answers import Waiting


def overtaken(waiting: Waiting, held: int, pace: Pace, now: float) -> int | None:
    """Say which events are old: those accepted before the time given, in Unix seconds; None while all are fresh.

    `held` is how long the platform's events are held back on purpose, in seconds. Nothing is done until the oldest is old,
    and then all beyond half that age is: so a lane that is too slow for its shop is cut into few pieces.
    """
    if waiting.fresh_since is None or waiting.fresh_since >= now - held - pace.fresh_seconds:
        return None
    return int(now - held - pace.fresh_seconds / 2)
