"""What is left for the merchant to do: what each platform has of a person must be asked of that platform.

None of the three lets a sender delete single events by a call that works with what a gateway has, so this is a list for
people: per platform the events by id and time, what to ask for, and the page where. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gateway.audit.trace import moment
from gateway.model.words import Destination
from gateway.outbox.holdings import Sending


class Page(msgspec.Struct, frozen=True):
    """What to ask of a platform, and where it says how."""

    what: str
    where: tuple[str, ...]


PAGES: Final[Mapping[Destination, Page]] = {
    # The events edge takes POST only, and Meta answers itself for what it keeps: the merchant is a joint controller for
    # collecting and sending alone (controller addendum, read 2026-11-26). What a person can do themselves:
    # https://www.facebook.com/help/287199741901674 (read 2026-11-26).
    Destination.META: Page(
        "Write to Meta's support for businesses: name the dataset and these events, and ask that they be deleted. There is no"
        " call for it. Tell the person that they can disconnect them from their account themselves, under Your activity off"
        " Meta technologies.",
        ("https://www.facebook.com/legal/controller_addendum", "https://www.facebook.com/help/287199741901674"),
    ),
    # Takes clear addresses or click ids of an ad account, closed beta; submitted after 72 hours, deleted within 30 days
    # (https://www.rubydoc.info/gems/pinterest_sdk/2.1.0/PinterestSdkClient/ConversionDeletionRequestsApi, read 2026-11-26).
    # The gateway has no clear address, so only the merchant can call it.
    Destination.PINTEREST: Page(
        "Create a conversion deletion request for the ad account with the person's clear address; Pinterest submits it after"
        " 72 hours and deletes within 30 days. Where the account has no access to it (it is a beta), ask Pinterest's support.",
        ("https://developers.pinterest.com/docs/api/v5/conversion_deletion_requests-create",),
    ),
    # A retraction sets a conversion's count and value to zero and is found by its transaction id
    # (https://developers.google.com/google-ads/api/docs/conversions/upload-adjustments, read 2026-11-26); it deletes nothing.
    Destination.GOOGLE_ADS: Page(
        "Retract these conversions by their transaction id, so that they count no more, and ask Google's support for the"
        " account to delete the customer data uploaded with them, under the data processing terms.",
        (
            "https://developers.google.com/google-ads/api/docs/conversions/upload-adjustments",
            "https://business.safety.google/adsprocessorterms/",
        ),
    ),
}


class Reached(msgspec.Struct, frozen=True):
    """One event that a platform has, or may have. `first_at` and `last_at` are RFC 3339 in UTC.

    `confirmed`: the platform said that it has it; false: it said that it has not; null: that is not known.
    """

    event: str
    event_id: str
    first_at: str
    last_at: str
    confirmed: bool | None


class Task(msgspec.Struct, frozen=True):
    """What is to be asked of one platform, where it says how, and about which events."""

    destination: str
    what: str
    where: tuple[str, ...]
    events: tuple[Reached, ...]


def follow_up(sent: Iterable[Sending]) -> tuple[Task, ...]:
    """List what is to be asked of whom, for events that a platform has or may have; nothing where there is none.

    An event that was sent several times is told once. What a platform has refused for good it does not have.
    """
    by_event: dict[Destination, dict[tuple[str, str], list[Sending]]] = {}
    for sending in sent:
        by_event.setdefault(sending.destination, {}).setdefault((sending.kind, sending.event_id), []).append(sending)
    tasks = []
    for destination in Destination:
        reached = [_reached(times) for times in by_event.get(destination, {}).values()]
        events = sorted((one for one in reached if one.confirmed is not False), key=lambda one: (one.first_at, one.event_id))
        if events:
            page = PAGES[destination]
            tasks.append(Task(destination.value, page.what, page.where, tuple(events)))
    return tuple(tasks)


def _reached(times: list[Sending]) -> Reached:
    first, *_ = times
    ats = [sending.at for sending in times]
    said = {sending.confirmed for sending in times}
    confirmed = True if True in said else None if None in said else False
    return Reached(first.kind.value, str(first.event_id), moment(min(ats)), moment(max(ats)), confirmed)


def lines(tasks: Iterable[Task]) -> Iterable[str]:
    """Write the list for people."""
    for task in tasks:
        yield f"{task.destination}: {task.what}"
        yield from (f"  see {page}" for page in task.where)
        for event in task.events:
            sure = "" if event.confirmed else ", may have it"
            yield f"  {event.event} {event.event_id}, sent {event.first_at}{sure}"
