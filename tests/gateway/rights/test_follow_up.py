"""What is left to be asked of the platforms: every event that one may have, once, with where to ask."""

import pytest

from gateway.audit.trace import moment
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind
from gateway.outbox.holdings import Sending
from gateway.rights.follow_up import PAGES, follow_up, lines

NOW = 1_795_342_500


def sending(destination: Destination, event_id: str = "1", at: int = NOW, *, confirmed: bool | None = True) -> Sending:
    """An event of a person that left."""
    return Sending(destination, Kind.PURCHASE, EventId(event_id), at, ("user_data.em[]",), None, confirmed)


def test_nothing_sent_leaves_nothing_to_ask() -> None:
    """Whoever never reached a platform needs nothing of it."""
    assert follow_up([]) == ()


def test_each_platform_has_its_own_list() -> None:
    """In the order of the destinations, events by time; what was sent twice is told once, with both times."""
    meta, google = Destination.META, Destination.GOOGLE_ADS
    tasks = follow_up([sending(google), sending(meta, "2", NOW + 9), sending(meta, "1", NOW + 5), sending(meta, "1", NOW)])
    assert [task.destination for task in tasks] == ["meta", "google_ads"]
    assert [(e.event_id, e.first_at, e.last_at) for e in tasks[0].events] == [
        ("1", moment(NOW), moment(NOW + 5)),
        ("2", moment(NOW + 9), moment(NOW + 9)),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([True], True),
        ([None], None),
        ([False], "left out"),
        ([False, True], True),
        ([False, None], None),
        ([None, True], True),
    ],
)
def test_what_a_platform_may_have_is_asked_for(said: list[bool | None], told: bool | str | None) -> None:
    """Only what it refused every time is left out: doubt counts as having it."""
    tasks = follow_up([sending(Destination.META, at=NOW + n, confirmed=one) for n, one in enumerate(said)])
    assert [event.confirmed for task in tasks for event in task.events] == ([] if told == "left out" else [told])


def test_every_platform_says_what_to_do_and_where() -> None:
    """No destination can be added without its page; every address is one that can be opened."""
    assert set(PAGES) == set(Destination)
    assert all(page.what and page.where and all(url.startswith("https://") for url in page.where) for page in PAGES.values())


def test_it_is_written_for_people() -> None:
    """What to do, where, and each event with its time; doubt is said."""
    said = list(lines(follow_up([sending(Destination.META), sending(Destination.META, "2", confirmed=None)])))
    assert said[0] == f"meta: {PAGES[Destination.META].what}"
    assert said[-2:] == [f"  purchase 1, sent {moment(NOW)}", f"  purchase 2, sent {moment(NOW)}, may have it"]
