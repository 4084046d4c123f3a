"""Two lists of observations: which events are whose, why not, and which fields leak."""

from typing import Any, Final

import pytest

from gateway.audit import comparison
from gateway.audit.comparison import Came, Place, Recording, compare
from gateway.audit.observations import EVERY_KIND, Elsewhere, Field, Sent, Unread
from gateway.model.words import Destination, Kind

META, PINTEREST, GOOGLE = Destination
EM: Final = Field("data[].user_data.em[]", "sha256", allowed=True)
IP: Final = Field("data[].user_data.client_ip_address", "ip_address")
PHONE: Final = Field("data[].user_data.ph", "sha256")


def sent(*keys: str, to: Destination = META, kind: Kind | None = Kind.PURCHASE, by: str = "api", fields: Any = (EM,)) -> Sent:
    """Make an event that was sent; of no kind that is known here without one."""
    return Sent(to, by, frozenset(keys), frozenset() if kind is None else frozenset({kind}), frozenset(fields))


def came(*keys: str, kind: Kind | None = Kind.PURCHASE, **ways: Any) -> Came:
    """Make an event that came; a way is what is sent, or why not."""
    return Came(kind, frozenset(keys), {Destination(name): way for name, way in ways.items()})


def told(events: list[Came], old: list[Any] | None = None, **more: Any) -> comparison.Comparison:
    """Compare."""
    return compare(Recording("shop", None, None, len(events), events, **more), old, (META,))


def places(report: comparison.Comparison, destination: Destination = META) -> dict[str, int]:
    """Give the places that have events."""
    return {place: count for place, count in report["destinations"][destination.value]["events"].items() if count}


def test_an_event_that_both_send_is_matched_by_any_id() -> None:
    """The shop's number of the order, or the event's own."""
    report = told([came("1", "web-1", meta=(sent("1"),))], [[sent("web-1")]])
    assert places(report) == {"both": 1}
    assert report["same"]


def test_an_event_is_in_one_place() -> None:
    """By who sends it."""
    events = [came("1", meta=(sent("1"),)), came("2", meta="no_consent"), came("3", meta=(sent("3"),)), came("4", meta="gpc")]
    report = told(events, [[sent("1")], [sent("2")]])
    assert places(report) == {"both": 1, "only_old": 1, "only_here": 1, "neither": 1}
    assert not report["same"]


def test_a_refusal_says_how_many_left_all_the_same() -> None:
    """The difference in consent, by the reason that this gateway gives."""
    events = [came("1", meta="gcd_denied"), came("2", meta="gcd_denied"), came("3", meta="no_consent")]
    lane = told(events, [[sent("1")]])["destinations"]["meta"]
    assert lane["refused"] == [
        {"reason": "gcd_denied", "events": 2, "sent_by_old": 1},
        {"reason": "no_consent", "events": 1, "sent_by_old": 0},
    ]


def test_the_same_id_of_another_kind_is_another_event() -> None:
    """A basket and its order may share a number; an event of unknown kind takes any."""
    report = told([came("1", meta="gpc")], [[sent("1", kind=Kind.ADD_TO_CART)]])
    assert places(report) == {"neither": 1}
    assert report["destinations"]["meta"]["not_recorded"] == 1
    assert places(told([came("1", kind=None, meta="invalid")], [[sent("1", kind=None)]])) == {"only_old": 1}
    any_kind = Sent(META, "api", frozenset({"1"}), EVERY_KIND, frozenset())
    assert places(told([came("1", meta="gpc")], [[any_kind]])) == {"only_old": 1}


def test_what_cannot_be_matched_is_counted_apart() -> None:
    """Other kinds of event, events without an id, events that did not come."""
    lane = told([], [[sent("1", kind=None), sent(), sent("2")]])["destinations"]["meta"]
    assert (lane["other_kinds"], lane["without_id"], lane["not_recorded"]) == (1, 1, 1)


def test_an_event_that_is_sent_again_counts_once() -> None:
    """By one interface; over two interfaces it is two sendings of one event, not a repeat."""
    assert told([came("1", meta="gpc")], [[sent("1")], [sent("1")]])["destinations"]["meta"]["repeated"] == 1
    lane = told([came("1", meta="gpc")], [[sent("1")], [sent("1", by="other")]])["destinations"]["meta"]
    assert (lane["repeated"], lane["events"][Place.ONLY_OLD]) == (0, 1)


def test_of_one_id_what_goes_here_is_what_went_there() -> None:
    """A first word without consent and a second with it are two events; each sending is of one of them."""
    events = [came("1", meta="no_consent"), came("1", meta=(sent("1"),))]
    assert told(events, [[sent("1")]])["destinations"]["meta"]["refused"][0]["sent_by_old"] == 0
    assert told(events, [[sent("1")], [sent("1")]])["destinations"]["meta"]["refused"][0]["sent_by_old"] == 1


def test_an_event_is_known_by_the_id_that_it_leaves_with() -> None:
    """An adapter may write a platform's own form of it."""
    assert places(told([came("5001", meta=(sent("o-5001"),))], [[sent("o-5001")]])) == {"both": 1}
    assert places(told([came("5001", meta=(sent("o-5001"),))], [[sent("5001")]])) == {"both": 1}


def test_a_platform_that_the_storefront_does_not_have_is_told_too() -> None:
    """What goes there goes there from the old container alone."""
    report = told([came("1", meta="gpc")], [[sent("1", to=PINTEREST)]])
    assert places(report, PINTEREST) == {"only_old": 1}
    assert report["destinations"]["pinterest"]["refused"] == [{"reason": "not_enabled", "events": 1, "sent_by_old": 1}]


def test_fields_are_parted_by_who_sends_them() -> None:
    """With how many events had each, and why it does not leave here."""
    origin = Field("data[].event_source_url", "origin", allowed=True)
    events = [came("1", meta=(sent("1", fields=(EM, origin)),)), came("2", meta="gpc")]
    allowed = Field("data[].custom_data.value", "money_number", allowed=True)
    report = told(events, [[sent("1", fields=(EM, PHONE)), sent("2", fields=(EM, IP, allowed))]])
    assert [(row["path"], row["old"], row["here"], row["why"]) for row in report["leaked"]] == [
        (IP.path, 1, 0, "not_in_contract"),
        (PHONE.path, 1, 0, "not_in_contract"),
        (allowed.path, 1, 0, "not_these_events"),
    ]
    assert [(row["path"], row["old"], row["here"]) for row in report["both"]] == [(EM.path, 2, 1)]
    assert [(row["path"], row["old"], row["here"]) for row in report["only_here"]] == [(origin.path, 0, 1)]


def test_what_names_a_person_as_it_stands_comes_first() -> None:
    """Whoever reads the report reads its beginning."""
    report = told([], [[sent("1", fields=(PHONE,))], [sent("2", fields=(PHONE, IP))]])
    assert [(row["path"], row["in_clear"]) for row in report["leaked"]] == [(IP.path, True), (PHONE.path, False)]


def test_the_same_path_at_another_interface_is_another_field() -> None:
    """Google has several."""
    report = told([came("1", meta=(sent("1", by="new"),))], [[sent("1", by="old")]])
    assert [row["interface"] for row in report["leaked"]] == ["old"]
    assert [row["interface"] for row in report["only_here"]] == ["new"]


def test_without_what_was_sent_nothing_is_held_against_it() -> None:
    """It says what would leave."""
    report = told([came("1", meta=(sent("1"),))])
    assert report["sent"] is None
    assert (report["leaked"], report["both"], len(report["only_here"]), report["same"]) == ([], [], 1, False)


def test_other_places_and_what_cannot_be_read_are_differences() -> None:
    """Nobody can say that they agree."""
    report = told([], [Elsewhere("b.example"), Elsewhere("a.example"), Elsewhere("b.example"), Unread(META, "api"), []])
    assert report["sent"] == {
        "requests": 5, "events": 0, "unread": 1,
        "elsewhere": [{"host": "b.example", "requests": 2}, {"host": "a.example", "requests": 1}],
    }  # fmt: skip
    assert not told([], [Elsewhere("a.example")])["same"]
    assert not told([], [Unread(META, "api")])["same"]
    assert told([], [])["same"]


def test_what_came_is_told_with_what_is_dropped_first() -> None:
    """And of that what names a person as it stands."""
    fields = {Field("dt", "text"): 9, Field("phone", "phone"): 1, Field("v", "text", allowed=True): 20}
    report = told([], fields=fields, faults={("en", "not_one_of"): 2}, strangers={"origin": 3})
    assert [(row["path"], row["read"], row["requests"]) for row in report["incoming"]] == [
        ("phone", False, 1), ("dt", False, 9), ("v", True, 20),
    ]  # fmt: skip
    assert report["invalid"] == [{"field": "en", "rule": "not_one_of", "events": 2}]
    assert report["strangers"] == {"origin": 3}


def test_moments_are_told_as_text() -> None:
    """In UTC."""
    report = compare(Recording("shop", 1_795_514_400, 1_795_514_460, 0, []), None, (META,))
    assert (report["since"], report["until"]) == ("2026-11-24T10:00:00Z", "2026-11-24T10:01:00Z")


def test_no_more_rows_are_told_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond are counted: names of fields are strangers' text."""
    monkeypatch.setattr(comparison, "MOST_ROWS", 3)
    report = told([], [[sent("1", fields=[Field(f"data[].f{n}", "text") for n in range(10)])]])
    assert (len(report["leaked"]), report["cut"]) == (3, 7)


def test_the_report_has_no_ids() -> None:
    """They match events, and are somebody's."""
    assert "5001" not in str(told([came("5001", meta=(sent("5001"),))], [[sent("5001")]]))
    assert repr(came("5001")) == "<Came>"
