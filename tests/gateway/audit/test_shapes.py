"""The ledger in rows, and against the contract: what is never used, what is not allowed any more, what is new."""

from gateway.audit.shapes import NEVER_USED, NEW, NOT_ALLOWED, compare, tell_shapes
from gateway.delivery.contract import Contract
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox.shapes import Decision, Departure
from gateway.outbox.work import Lane
from tests.adapters.cases import SHIPPED

SHOP = StorefrontId("shop1")
META = Lane(SHOP, Destination.META)


def departure(number: int, path: str, kind: str, decision: str | None = None, lane: Lane = META) -> Departure:
    """Make a row of the ledger."""
    return Departure(
        number,
        lane,
        Kind.PURCHASE,
        path,
        kind,
        3,
        60,
        120,
        (1, 2),
        Decision(decision) if decision else None,
        180 if decision else None,
    )


def test_the_ledger_is_told_in_rows() -> None:
    """With times that people read, and the highest number, which an approval names."""
    told = tell_shapes([departure(7, "data[].event_id", "event_id", "DPO"), departure(9, "?test", "one_of")])
    assert told["newest"] == 9
    assert told["rows"][0] == {
        "number": 7,
        "storefront": "shop1",
        "destination": "meta",
        "event": "purchase",
        "path": "data[].event_id",
        "kind": "event_id",
        "count": 3,
        "first": "1970-01-01T00:01:00Z",
        "last": "1970-01-01T00:02:00Z",
        "contracts": [1, 2],
        "decision": "DPO",
        "decided": "1970-01-01T00:03:00Z",
    }
    assert (told["rows"][1]["decision"], told["rows"][1]["decided"]) == (None, None)
    assert tell_shapes([]) == {"rows": [], "newest": 0}


def test_the_ledger_is_held_against_the_contract() -> None:
    """Allowed and never used; used and not allowed; not looked at. Other storefronts' rows do not count."""
    contract = Contract(SHIPPED[Destination.META], ["click_id"])
    rows = tell_shapes(
        [
            *(
                departure(n, e.path, e.kind, "DPO")
                for n, e in enumerate(contract.event_entries)
                if e.path != "data[].user_data.fbc"
            ),
            departure(50, "data[].user_data.client_user_agent", "user_agent", "DPO"),
            departure(51, "data[].event_id", "event_id"),
            departure(52, "data[].user_data.fbc", "meta_click_id", lane=Lane(StorefrontId("other"), Destination.META)),
        ]
    )["rows"]
    found = [
        (one["what"], one["event"], one["path"], one["option"]) for one in compare(SHOP, rows, {Destination.META: contract})
    ]
    assert found == [
        (NEVER_USED, "", "data[].user_data.fbc", "click_id"),
        (NOT_ALLOWED, "purchase", "data[].user_data.client_user_agent", None),
        (NEW, "purchase", "data[].event_id", None),
    ]


def test_questions_about_requests_are_no_candidates() -> None:
    """They carry no event, so they are not in the ledger and not missing from it."""
    google = Contract(SHIPPED[Destination.GOOGLE_ADS])
    paths = {one["path"] for one in compare(SHOP, [], {Destination.GOOGLE_ADS: google})}
    assert "?requestId" not in paths
    assert {"events[].transactionId", "conversions[].orderId"} <= paths
