from decimal import Decimal

import pytest

from gateway.sandbox.ledger import COMPARED, WINDOW, Arrival, Ledger, Repeats, amount_text, exact, taken_json
from gateway.sandbox.stand_in import field_names


def arrival(event_id: str = "1", name: str = "Purchase", value: str | None = "10.00", currency: str | None = "EUR") -> Arrival:
    """An event as a platform received it."""
    amount = None if value is None else Decimal(value)
    return Arrival(0, name, event_id, 1000.0, amount, currency, field_names({"event_name": 1, "user_data": {"em": 2}}))


def test_a_repeat_within_48_hours_is_the_same_event() -> None:
    """Meta keeps the first of two copies and counts its money once."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    ledger.take(arrival(), 0.0)
    ledger.take(arrival(value="99.00"), WINDOW - 1)

    assert (len(ledger), ledger.received, ledger.repeats) == (1, 2, 1)
    assert ledger.money() == {"EUR": Decimal("10.00")}
    assert (ledger.find("1")[0].copies, ledger.find("1")[0].differing) == (2, 1)


def test_a_repeat_after_48_hours_is_a_new_event() -> None:
    """Beyond the window of the first receipt the money counts twice, as it would at the platform."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    for moment in (0.0, WINDOW - 1, WINDOW):
        ledger.take(arrival(), moment)

    assert (len(ledger), ledger.repeats) == (2, 1)
    assert ledger.money() == {"EUR": Decimal("20.00")}
    assert [taken.at for taken in ledger.find("1")] == [0.0, WINDOW]


def test_pinterest_compares_nothing_that_is_older_than_an_hour() -> None:
    """A copy that comes within the hour is the same event; one that comes later counts as offline, and a second time."""
    ledger = Ledger(Repeats.FRESH_FIRST_STAYS)
    happened = arrival().occurred_at
    for late in (0.0, COMPARED, COMPARED + 1, COMPARED + 2):
        ledger.take(arrival(), happened + late)

    assert (len(ledger), ledger.repeats) == (3, 1)


def test_google_corrects_whenever_the_repeat_comes() -> None:
    """A repeat at Google overwrites value and currency and never makes a second conversion."""
    ledger = Ledger(Repeats.CORRECTS)
    ledger.take(arrival(), 0.0)
    ledger.take(arrival(value="12.50", currency="USD"), 10 * WINDOW)

    assert len(ledger) == 1
    assert ledger.money() == {"USD": Decimal("12.50")}


def test_the_name_is_half_of_the_identity() -> None:
    """Two events of different names share an id without being repeats; looking up the id finds both."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    ledger.take(arrival(name="Purchase"), 0.0)
    ledger.take(arrival(name="AddToCart"), 0.0)

    assert len(ledger) == 2
    assert {taken.name for taken in ledger.find("1")} == {"Purchase", "AddToCart"}
    assert ledger.names() == {"Purchase": 1, "AddToCart": 1}


def test_without_an_id_nothing_is_a_repeat() -> None:
    """A platform cannot recognise what has no id."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    for _ in range(3):
        ledger.take(arrival(event_id=""), 0.0)

    assert (len(ledger), ledger.repeats) == (3, 0)
    assert ledger.find("") == ()


def test_money_adds_up_exactly_and_by_currency() -> None:
    """Ten times ten cents is a unit, whatever the spelling of the currency; events without money add nothing."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    for i in range(10):
        ledger.take(arrival(str(i), value="0.10", currency="eur" if i % 2 else "EUR"), 0.0)
    ledger.take(arrival("yen", value="1500", currency="JPY"), 0.0)
    ledger.take(arrival("view", value=None, currency=None), 0.0)

    assert ledger.money() == {"EUR": Decimal(1), "JPY": Decimal(1500)}
    assert ledger.summary()["money"] == {"EUR": "1.00", "JPY": "1500"}


def test_the_summary_holds_every_count() -> None:
    """The account says what came, what was new, what was refused and why; clearing it forgets all."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    ledger.take(arrival(), 0.0)
    ledger.take(arrival(), 0.0)
    ledger.refuse("100/2804003", 5)
    expected = {"requests": 0, "received": 2, "distinct": 1, "repeats": 1, "differing": 0, "refused": {"100/2804003": 5}}

    assert ledger.summary() | expected == ledger.summary()
    ledger.clear()
    assert (ledger.summary()["distinct"], ledger.summary()["refused"], list(ledger)) == (0, {}, [])


def test_the_names_of_fields_are_held_once() -> None:
    """A hundred thousand events with the same fields share one tuple of names."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    for i in range(3):
        ledger.take(arrival(str(i)), 0.0)

    assert len({id(taken.fields) for taken in ledger}) == 1


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("129.9", "EUR", "129.90"),
        ("129.90000", "EUR", "129.90"),
        ("0.125", "EUR", "0.125"),
        ("1.5E+3", "JPY", "1500"),
        ("1.5", "KWD", "1.500"),
        ("7", None, "7.00"),
        ("1E+30", "EUR", "1000000000000000000000000000000.00"),
    ],
)
def test_amounts_are_written_exactly(amount: str, currency: str | None, text: str) -> None:
    """An amount keeps all its digits and gets the currency's places at least."""
    assert amount_text(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("value", "read"),
    [(129.9, "129.9"), (0.1, "0.1"), (7, "7"), ("129.90", "129.90"), ("1e2", "1e2"), (1e300, "1e300"), (-0.0, "0")],
)
def test_numbers_are_read_as_written(value: object, read: str) -> None:
    """A JSON number or a numeric text becomes the decimal that stands there."""
    assert exact(value) == Decimal(read)


@pytest.mark.parametrize("value", [None, True, "", " 1", "1_000", "12,5", "NaN", "Infinity", "1e9999", "٣", [1], float("inf")])
def test_what_is_no_number_is_not_read(value: object) -> None:
    """Truth values, blanks, separators, other digits and infinities are no amounts."""
    assert exact(value) is None


def test_an_event_is_written_without_values_but_its_money() -> None:
    """What leaves the ledger names the fields that came, not what was in them."""
    ledger = Ledger(Repeats.FIRST_STAYS)
    ledger.take(arrival(), 5.0)

    assert taken_json(ledger.find("1")[0]) == {
        "name": "Purchase",
        "event_id": "1",
        "occurred_at": 1000.0,
        "received_at": 5.0,
        "value": "10.00",
        "currency": "EUR",
        "copies": 1,
        "differing": 0,
        "fields": ("event_name", "user_data.em"),
    }
