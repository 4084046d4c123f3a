"""What becomes of a consent that a page or a server posts: the record, what finds it, and what it takes back."""

from typing import Any, Final

import pytest

from gateway.consent.evidence import Record
from gateway.consent.policy import DAY, Policy, Profile
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES, GPC_ON, MINOR_FLAGGED
from gateway.intake.depositing import Drawn, Made, Shop, deposit_of, no_said, taken_back
from gateway.ledger import Proof
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Destination, Fault, Refusal
from gateway.persons import Identifier, Persons
from gateway.raw import Malformed, RawConsent

NOW: Final = 1_795_000_000
SHOP: Final = StorefrontId("shop")
META, PINTEREST, GOOGLE = ALL = tuple(Destination)
PERSONS: Final = Persons(b"p" * 32)
SHOPS: Final = Shop(SHOP, Policy(), ALL, PERSONS)
DRAWN: Final = Drawn(EvidenceId("0" * 24), "drawn-receipt-0123456789")
RECEIPT: Final = "page-receipt-0123456789"
CLIENT: Final = "1.1795000000.42"


def key(kind: Identifier, text: str) -> PersonKey:
    """The keyed hash of an identifier."""
    return PERSONS.key(SHOP, kind, text)


def made(consent: dict[str, Any], *, by_page: bool = False, shop: Shop = SHOPS, drawn: Drawn = DRAWN, **more: Any) -> Made:
    """A record of this consent."""
    found = deposit_of(RawConsent(consent=consent, **more), shop, drawn, NOW, by_page=by_page)
    assert isinstance(found, Made), found
    return found


# ── what finds it ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_found_by_all_that_it_names() -> None:
    """Receipt, client id, order and tokens, as keyed hashes; records of a browser are told by its client id."""
    join = {"client_id": CLIENT, "order_id": 1001, "cart_token": "c1", "checkout_token": "k1", "other": "x"}
    deposit = made({"advertising": True, "receipt": RECEIPT, "join": join}).deposit
    named = {
        Identifier.RECEIPT: RECEIPT,
        Identifier.CLIENT_ID: CLIENT,
        Identifier.ORDER_ID: "1001",
        Identifier.CART_TOKEN: "c1",
        Identifier.CHECKOUT_TOKEN: "k1",
    }
    assert set(deposit.keys) == {key(kind, text) for kind, text in named.items()}
    assert deposit.record.browser == key(Identifier.CLIENT_ID, CLIENT)


def test_without_a_client_id_the_receipt_tells_the_browser() -> None:
    """Then each receipt is a browser of its own."""
    assert made({"receipt": RECEIPT}).deposit.record.browser == key(Identifier.RECEIPT, RECEIPT)


def test_beside_a_client_id_the_receipt_tells_the_browser_too() -> None:
    """So that a later record with the receipt alone is known for the same browser's."""
    own = (key(Identifier.CLIENT_ID, CLIENT), key(Identifier.RECEIPT, RECEIPT))
    assert made({"receipt": RECEIPT, "join": {"client_id": CLIENT}}).deposit.record.own == own


def test_a_page_needs_no_more_than_its_receipt() -> None:
    """It is enough to be found by: a refusal that names nothing else must not be turned away."""
    assert made({"advertising": False, "receipt": RECEIPT}, by_page=True).receipt == RECEIPT


def test_a_record_without_a_receipt_gets_one() -> None:
    """Also a page's that has something to join by: it must be told from other browsers' records of the same order."""
    for by_page, join in ((False, {}), (True, {"order_id": "1001"})):
        found = made({"advertising": True, "join": join}, by_page=by_page)
        assert found.receipt == DRAWN.receipt
        assert key(Identifier.RECEIPT, DRAWN.receipt) in found.deposit.keys
    assert made({"receipt": RECEIPT}).receipt == RECEIPT


@pytest.mark.parametrize("nobodys", ["00000000-0000-0000-0000-000000000000", "undefined-undefined"])
def test_a_receipt_that_is_everybodys_is_none(nobodys: str) -> None:
    """By it two visitors would be one browser, and the yes of one would stand above the no of the other."""
    found = made({"advertising": True, "receipt": nobodys, "join": {"cart_token": "c1"}}, by_page=True)
    assert found.receipt == DRAWN.receipt
    assert set(found.deposit.keys) == {key(Identifier.RECEIPT, DRAWN.receipt), key(Identifier.CART_TOKEN, "c1")}


@pytest.mark.parametrize(
    ("consent", "by_page", "expected"),
    [
        ({"advertising": True}, True, Malformed("consent.receipt", Fault.MISSING)),
        ({"advertising": True, "join": {"other": "x"}}, True, Malformed("consent.receipt", Fault.MISSING)),
        ({"advertising": True, "join": "1001"}, True, Malformed("consent.join", Fault.BAD_FORMAT)),
        ({"advertising": True, "join": {"order_id": ["1001"]}}, False, Malformed("consent.join", Fault.BAD_FORMAT)),
    ],
)
def test_what_nothing_could_find_is_no_record(consent: dict[str, Any], by_page: bool, expected: Malformed) -> None:
    """A page's without any citation, and anybody's whose citation cannot be read."""
    assert deposit_of(RawConsent(consent=consent), SHOPS, DRAWN, NOW, by_page=by_page) == expected


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_says_what_its_signals_say() -> None:
    """Rows of the table, the decision of each destination, the table's version, the proofs and the versions."""
    consent = {"advertising": True, "vendors": {"google_ads": False}, "banner_version": "7", "receipt": RECEIPT}
    deposit = made(consent, banner_version="7", policy_version="2026-11").deposit
    assert deposit.record.statements[:1] == ADVERTISING_YES
    assert deposit.decided == ((META, None), (PINTEREST, None), (GOOGLE, Refusal.VENDOR_DENIED))
    assert (deposit.rule, deposit.banner_version, deposit.policy_version) == (Policy().rule, "7", "2026-11")
    assert deposit.proofs == (Proof("advertising", "true", None), Proof("vendors", '{"google_ads":false}', None))


def test_the_browsers_header_and_the_minor_flag_are_heard() -> None:
    """They are statements of the record, so they refuse whatever cites it."""
    said = {"advertising": True, "receipt": RECEIPT}
    assert set(GPC_ON) <= set(made(said, gpc_header=True).deposit.record.statements)
    assert set(dict(made(said, gpc_header=True).deposit.decided).values()) == {Refusal.GPC}
    assert set(MINOR_FLAGGED) <= set(made(said, minor=True).deposit.record.statements)
    assert set(dict(made(said, minor=True).deposit.decided).values()) == {Refusal.MINOR}


@pytest.mark.parametrize(
    ("given_at", "expected"),
    [
        (None, NOW),
        (NOW - 50, NOW - 50),
        (NOW + 50, NOW),
        (NOW + 9 * DAY, NOW),
        ("never", NOW),
        (NOW - 400 * DAY, NOW - 400 * DAY),
    ],
)
def test_when_the_person_decided_is_never_later_than_now(given_at: object, expected: int) -> None:
    """The earliest date that is given, at the latest the time of receipt."""
    assert made({"advertising": True, "given_at": given_at, "receipt": RECEIPT}).deposit.record.given_at == expected


@pytest.mark.parametrize(
    ("client", "edge", "kept"),
    [
        ((None, None), (None, None), (None, None)),
        (("us", "US-CA"), (None, None), ("US", "CA")),
        (("US", "CA"), ("US", "ca"), ("US", "CA")),
        (("US", "CA"), ("FR", None), ("?", "?")),
        (("US", "CA"), ("US", "TX"), ("US", "?")),
        (("Jane Doe", "Jane Doe"), (None, None), ("?", "?")),
    ],
)
def test_the_place_is_kept_as_codes_and_as_strictly_as_it_was_said(client: Any, edge: Any, kept: Any) -> None:
    """Nothing that somebody wrote, and nothing from which less follows than from all that was said."""
    assert made({"receipt": RECEIPT}, country=client[0], region=client[1], edge=edge).deposit.record.place == kept


@pytest.mark.parametrize("version", ["a b", "203.0.113.7", "banner:203.0.113.7", "2001:db8::7"])
def test_a_version_that_is_none_is_left_out_and_named(version: str) -> None:
    """The record is kept: nobody's choice is lost for the form of something beside it. No address is in any record."""
    found = made({"advertising": False, "receipt": RECEIPT}, banner_version=version, policy_version="2026-11")
    assert found.left_out == ("consent.banner_version",)
    assert (found.deposit.banner_version, found.deposit.policy_version) == (None, "2026-11")


# ── what it takes back ───────────────────────────────────────────────────────────────────────────────────────────


def earlier(said: Any = ADVERTISING_YES, at: int = NOW - 100, **more: Any) -> Record:
    """A record of before."""
    return Record(EvidenceId("1" * 24), key(Identifier.RECEIPT, RECEIPT), at, at, said, **more)


def since(consent: dict[str, Any], *before: Record, shop: Shop = SHOPS, **more: Any) -> int | None:
    """Up to when a record withdraws what waits."""
    return taken_back(made(consent | {"receipt": RECEIPT}, shop=shop, **more).deposit, before, shop)


@pytest.mark.parametrize(
    "consent",
    [
        {"advertising": False},
        {"vendors": dict.fromkeys(map(str, ALL), False)},
        {"shopify": {"marketingAllowed": False}},
        {"gpc": True},
    ],
)
def test_a_no_to_what_was_allowed_takes_back_all_that_came_in_until_now(consent: dict[str, Any]) -> None:
    """A refusal or an opt-out of the person's, for everybody."""
    assert since(consent, earlier()) == NOW
    assert since(consent | {"given_at": NOW - 50}, earlier()) == NOW


@pytest.mark.parametrize(
    "consent",
    [
        {},
        {"advertising": None},
        {"advertising": "no"},
        {"advertising": True},
        {"shopify": {"marketingAllowed": True}},
        {"advertising": True, "given_at": "never"},
        {"advertising": True, "given_at": NOW - 400 * DAY},
        {"elsewhere": 1},
    ],
)
def test_what_merely_grants_nothing_takes_nothing_back(consent: dict[str, Any]) -> None:
    """Silence, what cannot be read, and age are no refusal of the person's, though they grant nothing either."""
    assert since(consent, earlier()) is None


def test_a_no_without_an_earlier_yes_takes_nothing_back() -> None:
    """Most people refuse once and have nothing waiting: that is not worth a line for three years each."""
    said = {"advertising": False}
    assert since(said) is None
    assert since(said, earlier(ADVERTISING_NO)) is None
    assert since(said, earlier(withdrawn=True)) is None
    assert since(said, earlier(at=NOW - 200 * DAY)) is None


def test_a_no_to_some_takes_back_what_came_in_before_it_was_said() -> None:
    """For all destinations; but what comes under the same decision is heard by those that it allows."""
    said = {"advertising": True, "vendors": {"meta": False}, "given_at": NOW - 3}
    assert since(said, earlier()) == NOW - 4
    assert since({"advertising": True, "vendors": {"meta": False}}, earlier()) == NOW - 1


def test_a_no_to_whom_nothing_was_allowed_takes_nothing_back() -> None:
    """Only a refusal of what an earlier record allowed is a change."""
    vendors = made({"vendors": {"google_ads": True}, "receipt": RECEIPT}).deposit.record.statements
    assert since({"vendors": {"meta": False, "google_ads": True}}, earlier(vendors)) is None


def test_a_record_is_not_held_against_itself() -> None:
    """It is found by its own keys."""
    deposit = made({"advertising": False, "receipt": RECEIPT}).deposit
    assert taken_back(deposit, [deposit.record], SHOPS) is None
    assert taken_back(deposit, [deposit.record, earlier()], SHOPS) == NOW


def test_an_opt_out_that_the_profile_lets_go_on_is_no_refusal() -> None:
    """Under `restricted` an opt-out in a known state restricts; only Google, who has no mark for it, is refused."""
    shop = SHOPS._replace(policy=Policy(profile=Profile.RESTRICTED))
    deposit = made({"advertising": True, "gpc": True, "receipt": RECEIPT}, shop=shop, country="US", region="CA").deposit
    assert no_said(deposit) == {GOOGLE}


def test_a_page_takes_back_nothing_by_what_can_be_guessed() -> None:
    """Order numbers run: whoever posts one with a page's public key could take back another's order."""
    join = {"order_id": "1001", "client_id": CLIENT}
    consent = {"advertising": False, "receipt": RECEIPT, "join": join}
    order = key(Identifier.ORDER_ID, "1001")
    assert set(made(consent, by_page=True).takes_back) == {key(Identifier.RECEIPT, RECEIPT), key(Identifier.CLIENT_ID, CLIENT)}
    assert order in made(consent, by_page=True).deposit.keys
    assert order in made(consent).takes_back
