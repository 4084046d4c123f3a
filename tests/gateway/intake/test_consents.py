"""Consent records at the front door: who may post them, what is answered, and how orders without a signal find them."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.intake.consents import Consents, Told
from gateway.intake.front_door import CONSENT_BYTES
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind, Source
from gateway.persons import Identifier, Persons
from gateway.raw import RawConsent
from gateway.sources.native import decode
from gateway.storage import Unavailable
from gateway.storage.keyring import Keyring
from tests.doorway import (
    BURST,
    NOW,
    PROXIES,
    SHOP,
    Doorway,
    as_bytes,
    doorway,
    is_error,
    is_quiet,
    purchase,
    statuses,
)
from tests.doorway import door as a_door
from tests.gateway.ledger.making import fill
from tests.live import ORIGIN
from tests.seek import Needles, addresses, disguises, hashed

ALL: Final = [destination.value for destination in Destination]
RECEIPT: Final = "page-receipt-0123456789"
CLIENT: Final = "1.1795000000.42"
YES: Final = {"advertising": True, "receipt": RECEIPT}
NO: Final = {"advertising": False, "receipt": RECEIPT}
EDGE: Final = (PROXIES[0], PROXIES[1] + '\ncountry_header = "CF-IPCountry"\nregion_header = "CF-Region-Code"')
HOLDING: Final = ('banner_regions = ["FR"]', "hold_unmatched_minutes = 15")
SMALL: Final = ('banner_regions = ["FR"]', 'banner_regions = ["FR"]\n[ledger]\nmax_bytes = "1MiB"')
STRICT: Final = ('banner_regions = ["FR"]', 'profile = "strict"')
STRICT_ATTESTED: Final = ('banner_regions = ["FR"]', 'banner_regions = ["FR"]\nprofile = "strict"')


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


def order(event_id: str = "1001", consent: Any = None, **changes: Any) -> dict[str, Any]:
    """An order from a shop's backend that says nothing of consent itself; by default it cites the receipt."""
    return purchase(event_id, consent={"receipt": RECEIPT} if consent is None else consent, **changes)


def record(consent: Any = None, **more: Any) -> dict[str, Any]:
    """A record's body; by default a yes with a receipt."""
    return {"consent": YES if consent is None else consent} | more


async def reasons(door: Doorway, *orders: dict[str, Any]) -> list[str]:
    """What each order is answered: its reason, or its status."""
    answer = await door.post({"events": list(orders)})
    assert answer.status == 202
    return [result.get("reason", result["status"]) for result in answer.results]


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_servers_record_is_answered_by_its_receipt_and_what_it_allows(door: Doorway) -> None:
    """201, and the reason where a destination is not allowed."""
    consent = {**YES, "vendors": {"google_ads": False}}
    answer = await door.say(record(consent, client={"country": "FR"}, policy_version="2026-11"))
    assert answer.status == 201
    assert is_quiet(answer)
    fates = {"meta": "allowed", "pinterest": "allowed", "google_ads": "vendor_denied"}
    assert answer.json == {"receipt": RECEIPT, "destinations": fates}
    (kept,) = await door.kept(Identifier.RECEIPT, RECEIPT)
    assert (kept.deposit.policy_version, kept.deposit.record.received_at) == ("2026-11", NOW)


async def test_a_record_without_a_receipt_gets_one_that_nobody_guesses(door: Doorway) -> None:
    """At least 22 characters, another one each time, and good for citing."""
    receipts = [(await door.say(record({"advertising": True}))).json["receipt"] for _ in range(3)]
    assert len(set(receipts)) == 3
    assert all(len(receipt) >= 22 for receipt in receipts)
    assert await reasons(door, order("1", {"receipt": receipts[0]}), order("2", {"receipt": receipts[0][:-1]})) == [
        "accepted",
        "no_consent_record",
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"{", {"error": "not_json"}),
        (b"[]", {"error": "not_a_record", "reason": "wrong_type", "field": "consent"}),
        ({}, {"error": "not_a_record", "reason": "missing", "field": "consent"}),
        (
            record({"receipt": "jane@example.com"}),
            {"error": "not_a_record", "reason": "bad_format", "field": "consent.receipt"},
        ),
        (record({"join": [1]}), {"error": "not_a_record", "reason": "bad_format", "field": "consent.join"}),
        (record({"join": {"cartToken": "c-77"}}), {"error": "not_a_record", "reason": "bad_format", "field": "consent.join"}),
    ],
)
async def test_what_is_no_record_is_told_by_field_and_rule(door: Doorway, said: Any, expected: dict[str, str]) -> None:
    """400 names the field, never the value, and the record is counted as invalid."""
    answer = await door.say(said)
    assert (answer.status, answer.json) == (400, expected)
    assert door.metric("consent_records_total", source="server", outcome="invalid") == 1


async def test_a_version_that_is_left_out_is_named(door: Doorway) -> None:
    """The record is kept all the same."""
    answer = await door.say(record({**YES, "banner_version": "Jane Doe"}, policy_version=["x"]))
    assert answer.status == 201
    assert answer.json["left_out"] == ["consent.banner_version", "policy_version"]


async def test_each_key_opens_its_own_side_of_the_route(door: Doorway) -> None:
    """A server authenticates, a page has a key in the address; neither's key is good for the other's side."""
    assert is_error(await door.say(record(), key="sk_s1_x"), 401, "unknown_key")
    assert is_error(await door.say(record(), key=door.installation.publishable_key), 403, "not_a_secret_key")
    assert is_error(await door.ask("POST", "/v1/consent", as_bytes(record())), 401, "unknown_key")
    assert is_error(await door.tell(record(), key=door.installation.secret_key), 403, "unknown_key")
    assert is_error(await door.tell(record(), Origin="https://elsewhere.example"), 403, "unknown_origin")
    assert list(await door.kept(Identifier.RECEIPT, RECEIPT)) == []


async def test_a_server_says_json_of_a_bounded_size(door: Doorway) -> None:
    """As on the other routes: 415, 413."""
    assert is_error(await door.say(record(), Content_Type="text/plain"), 415, "content_type")
    assert is_error(await door.say(record(), Content_Encoding="br"), 415, "content_encoding")
    assert (await door.say(as_bytes(record()).ljust(CONSENT_BYTES))).status == 201
    assert is_error(await door.say(as_bytes(record()).ljust(CONSENT_BYTES + 1)), 413, "body_too_large")


# ── browsers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "said",
    [record(), record(NO), record({"advertising": "jane"}), record({}), {}, b"{", b"", [1], record({"receipt": 7})],
)
async def test_a_page_learns_nothing_of_what_became_of_its_record(door: Doorway, said: Any) -> None:
    """Always an empty 204."""
    answer = await door.tell(said)
    assert (answer.status, answer.body) == (204, b"")
    assert is_quiet(answer)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_pages_record_that_nothing_could_find_is_not_kept(door: Doorway) -> None:
    """Without a receipt and without anything to join by it is invalid."""
    await door.tell(record({"advertising": True}))
    assert door.metric("consent_records_total", source="browser", outcome="invalid") == 1
    assert door.metric("consent_records_total") == 1


async def test_a_browsers_global_privacy_control_is_part_of_its_record(door: Doorway) -> None:
    """`Sec-GPC: 1` beside a yes is an opt-out, for whatever cites the record; from a server the header says nothing."""
    await door.tell(record(), Sec_GPC="1")
    assert await reasons(door, order()) == ["gpc"]
    await door.say(record({"advertising": True, "receipt": f"{RECEIPT}-2"}), Sec_GPC="1")
    assert await reasons(door, order("2", {"receipt": f"{RECEIPT}-2"})) == ["accepted"]


async def test_a_preflight_is_answered(door: Doorway) -> None:
    """As for events."""
    answer = await door.ask("OPTIONS", f"/v1/consent?k={door.installation.publishable_key}", Origin=ORIGIN)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
    foreign = await door.ask("OPTIONS", f"/v1/consent?k={door.installation.publishable_key}", Origin="https://x.example")
    assert is_error(foreign, 403, "unknown_origin")


async def test_too_many_records_are_429(tmp_path: Path) -> None:
    """A record counts as an event does, for servers and for a browser's network."""
    async with doorway(tmp_path, BURST) as door:
        answers = [await door.tell(record()) for _ in range(21)]
        assert [answer.status for answer in answers] == [204] * 20 + [429]
        assert "Retry-After" in answers[-1].headers
        assert is_error(await door.say(record()), 429, "too_many_requests")


async def test_the_edges_country_counts_beside_what_the_page_says(tmp_path: Path) -> None:
    """A page that says it is in the United States is believed only if the edge does not say otherwise."""
    said = record(
        {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}, "receipt": RECEIPT}, client={"country": "US"}
    )
    for country, expected in (("US", "accepted"), ("FR", "no_explicit_grant"), ("XX", "no_explicit_grant")):
        async with doorway(tmp_path / country, EDGE, STRICT) as door:
            await door.tell(said, CF_IPCountry=country, X_Forwarded_For="203.0.113.7")
            assert await reasons(door, order(client={"country": "US"})) == [expected]


@pytest.mark.parametrize(
    ("sale", "seen", "ordered", "expected"),
    [
        (None, None, "US", "sale_opt_out"),
        (None, "US", "US", "sale_opt_out"),
        (None, None, "somewhere", "sale_opt_out"),
        (True, None, "US", "accepted"),
        (None, "FR", "FR", "accepted"),
        (None, "FR", None, "accepted"),
        (None, "FR", "US", "sale_opt_out"),
    ],
)
async def test_an_order_tells_where_nobody_answered_on_sale(
    tmp_path: Path, sale: bool | None, seen: str | None, ordered: str | None, expected: str
) -> None:
    """A page may not know its visitor's country, and a webhook does: the record is heard as if it had been known then."""
    said = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": sale}}
    async with doorway(tmp_path, STRICT_ATTESTED) as door:
        await door.tell(record({**said, "receipt": RECEIPT}, client={"country": seen}))
        assert await reasons(door, order(client={"country": ordered})) == [expected]


async def test_the_edges_country_counts_for_a_browsers_events(tmp_path: Path) -> None:
    """On `/v1/collect` too; without trusted proxies nobody can say it."""
    said = purchase(consent={"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}})
    async with doorway(tmp_path, EDGE, STRICT) as door:
        for number, (country, expected) in enumerate((("US", 1), ("FR", 1), ("US", 2))):
            await door.collect(said | {"event_id": str(number)}, CF_IPCountry=country, X_Forwarded_For="203.0.113.7")
            assert len(await door.stored()) == expected


# ── joins ────────────────────────────────────────────────────────────────────────────────────────────────────────

JOINS: Final = {"client_id": CLIENT, "order_id": "1001", "cart_token": "c-77", "checkout_token": "k-77"}


@pytest.mark.parametrize("name", JOINS)
async def test_an_order_finds_its_record_by_any_of_its_joins(door: Doorway, name: str) -> None:
    """A shop's backend names what the browser's record was posted with; any one of them is enough."""
    await door.tell(record({"advertising": True, "join": JOINS}))
    assert await reasons(door, order("1", {"join": {name: JOINS[name]}})) == ["accepted"]
    assert await reasons(door, order("2", {"join": {name: JOINS[name] + "0"}})) == ["no_consent_record"]


async def test_what_allowed_an_event_and_whose_it_is_goes_with_it(door: Doorway) -> None:
    """The record's name, and keyed hashes of all that was cited, and of all that finds the record: the event can be found
    again when consent is withdrawn, by whatever the person names.
    """
    await door.say(record({"advertising": True, "join": {"cart_token": "c-77"}}))
    await reasons(door, order(consent={"join": {"cart_token": "c-77", "client_id": CLIENT, "order_id": 1001}}))
    event = await door.only()
    (kept,) = await door.kept(Identifier.CART_TOKEN, "c-77")
    assert event.evidence == kept.deposit.record.id
    persons = Persons(Keyring.load(door.settings.server.key_file).pepper)
    named = {Identifier.CART_TOKEN: "c-77", Identifier.CLIENT_ID: CLIENT, Identifier.ORDER_ID: "1001"}
    assert set(event.persons) == {persons.key(SHOP, kind, text) for kind, text in named.items()} | set(kept.deposit.keys)
    assert event.consent_at == NOW


async def test_an_event_with_a_signal_of_its_own_is_whoses_it_says(door: Doorway) -> None:
    """It needs no record, and what it cites goes with it all the same."""
    assert await reasons(door, order(consent={"advertising": True, "join": {"client_id": CLIENT}})) == ["accepted"]
    event = await door.only()
    assert (event.evidence, len(event.persons)) == (None, 1)


async def test_a_record_of_one_storefront_is_none_of_anothers(door: Doorway) -> None:
    """A receipt that nobody deposited here finds nothing, and an order without any citation says nothing."""
    assert await reasons(door, order(), order("2", {})) == ["no_consent_record", "no_consent"]


async def test_a_refusal_on_either_side_wins(door: Doorway) -> None:
    """The order's own refusal against the record's yes, and the record's against the order's own yes."""
    await door.tell(record())
    assert await reasons(door, order("1", {"advertising": False, "receipt": RECEIPT})) == ["advertising_denied"]
    await door.tell(record({"advertising": False, "receipt": f"{RECEIPT}-2"}))
    assert await reasons(door, order("2", {"advertising": True, "receipt": f"{RECEIPT}-2"})) == ["advertising_denied"]


async def test_a_changed_mind_counts_for_what_comes_later(door: Doorway) -> None:
    """Of one browser the later record wins, in either direction."""
    await door.tell(record())
    door.clock.pass_by(5)
    await door.tell(record(NO))
    door.clock.pass_by(5)
    assert await reasons(door, order("1")) == ["advertising_denied"]
    await door.tell(record())
    assert await reasons(door, order("2")) == ["accepted"]


async def test_a_record_lasts_as_long_as_consent_does(door: Doorway) -> None:
    """After 183 days it is a refusal."""
    await door.tell(record())
    door.clock.pass_by(184 * 86_400)
    assert await reasons(door, order(occurred_at=int(door.clock.wall))) == ["record_expired"]


async def test_a_minors_record_refuses(door: Doorway) -> None:
    """Whoever cites it."""
    await door.say(record(minor=True))
    assert await reasons(door, order()) == ["minor"]


async def test_a_citation_that_cannot_be_read_refuses(door: Doorway) -> None:
    """Which record is meant cannot be told."""
    assert await reasons(door, order("1", {"receipt": 7.5}), order("2", {"join": "x"})) == ["citation_invalid"] * 2


async def test_each_event_of_a_batch_finds_its_own(door: Doorway) -> None:
    """One request, one look into the ledger, and no event has another's evidence."""
    await door.say(record({"advertising": True, "join": {"order_id": "1"}}))
    await door.say(record({"advertising": False, "join": {"order_id": "2"}}))
    said = [order(str(n), {"join": {"order_id": n}}) for n in (3, 2, 1)] + [
        purchase("4"),
        order("5", {"join": {"order_id": 1}}),
    ]
    answer = await door.post({"events": [*said, 7]})
    assert statuses(answer.results) == ["refused", "refused", "accepted", "accepted", "accepted", "invalid"]
    assert [result.get("reason") for result in answer.results[:2]] == ["no_consent_record", "advertising_denied"]


@pytest.mark.parametrize("nothing", ["undefined", "null", "[object Object]", "NaN", 0, "(not set)"])
async def test_nobody_speaks_for_everybody_whose_page_has_a_bug(door: Doorway, nothing: Any) -> None:
    """What programs write for an identifier that they do not have is none: one visitor's yes is not another's."""
    await door.tell(record({"advertising": True, "receipt": RECEIPT, "join": {"client_id": nothing}}))
    assert await reasons(door, order(consent={"join": {"client_id": nothing}})) == ["no_consent"]
    assert await reasons(door, order("2", consent={"receipt": RECEIPT, "join": {"client_id": nothing}})) == ["accepted"]


async def test_an_order_that_a_pixel_names_by_its_address_is_the_webhooks(door: Doorway) -> None:
    """Shopify writes one order in three ways."""
    await door.tell(record({"advertising": True, "join": {"order_id": "gid://shopify/OrderIdentity/1001"}}))
    spellings = (1001, "1001", "gid://shopify/Order/1001")
    orders = [order(f"{n}", consent={"join": {"order_id": one}}) for n, one in enumerate(spellings)]
    assert await reasons(door, *orders) == ["accepted"] * 3


async def test_a_browsers_event_can_cite_too(door: Doorway) -> None:
    """On `/v1/collect` as on `/v1/events`."""
    await door.tell(record())
    await door.collect(order())
    assert len(await door.stored()) == 1


# ── what a refusal takes back ────────────────────────────────────────────────────────────────────────────────────


async def waiting(door: Doorway) -> list[int]:
    """How many events each destination's courier would be given."""
    return [len(await door.stored(destination)) for destination in Destination]


async def test_a_refusal_takes_back_what_waits(door: Doorway) -> None:
    """Before the answer, whatever allowed it: the record, or a signal of the event's own beside what it cites."""
    await door.tell(record({**YES, "join": {"client_id": CLIENT}}))
    own = {"advertising": True, "join": {"client_id": CLIENT}}
    other = purchase("3", customer={"email": "somebody.else@example.com"})
    assert await reasons(door, order("1"), order("2", own), other) == ["accepted"] * 3
    assert await waiting(door) == [3, 3, 3]
    door.clock.pass_by(5)
    await door.tell(record({**NO, "join": {"client_id": CLIENT}}))
    assert [event.event_id for event in await door.stored()] == ["3"]
    assert await waiting(door) == [1, 1, 1]


BY_CART: Final = {"join": {"cart_token": "c-77"}}
SAID: Final = {"advertising": True, "receipt": RECEIPT, "join": {"cart_token": "c-77", "client_id": CLIENT}}


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ("take_back", {"receipt": RECEIPT}),
        ("take_back", {"client_id": CLIENT}),
        ("withdraw", {"receipt": RECEIPT}),
        ("withdraw", {"client_id": CLIENT}),
        ("tell", {"consent": NO}),
        ("tell", {"consent": {"advertising": False, "join": {"client_id": CLIENT}}}),
        ("say", {"consent": NO}),
    ],
)
async def test_an_order_is_known_by_all_that_its_record_is_known_by(door: Doorway, told: str, by: dict[str, Any]) -> None:
    """The order cites a cart; the browser takes back by what it knows itself. Nothing that waits may go, nor what comes."""
    await door.tell(record(SAID))
    assert await reasons(door, order("1", BY_CART)) == ["accepted"]
    door.clock.pass_by(5)
    await getattr(door, told)(by)
    assert await waiting(door) == [0, 0, 0]
    assert await reasons(door, order("2", BY_CART)) != ["accepted"]


OLDER: Final = "page-receipt-of-before-01"


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ("take_back", {"receipt": OLDER}),
        ("tell", {"consent": {"advertising": False, "receipt": OLDER}}),
        ("say", {"consent": {"advertising": False, "receipt": OLDER}}),
    ],
)
async def test_an_earlier_receipt_takes_back_what_went_by_a_later_record(door: Doorway, told: str, by: dict[str, Any]) -> None:
    """Whoever has it is the same browser: nothing that waits may go, nor what looked its record up just before."""
    await door.tell(record({"advertising": True, "receipt": OLDER, "join": {"client_id": CLIENT, "cart_token": "c-77"}}))
    door.clock.pass_by(60)
    await door.tell(record({**YES, "join": {"client_id": CLIENT}}))
    assert await reasons(door, order("1", BY_CART)) == ["accepted"]
    door.clock.pass_by(5)
    await getattr(door, told)(by)
    assert await waiting(door) == [0, 0, 0]
    late = purchase("2", customer={"email": "j@example.com"}, consent={"advertising": True, "receipt": RECEIPT})
    assert await reasons(door, order("3", BY_CART), late) != ["accepted"] * 2


async def test_a_refusal_takes_back_nothing_of_another_browser_that_had_the_same_cart(door: Doorway) -> None:
    """A page speaks for nobody but its own browser: what the other has ordered since under a record of its own stays."""
    other = {"client_id": "2.1795000000.43"}
    await door.tell(record({"advertising": True, "join": {**other, "cart_token": "c-77"}}))
    await door.tell(record(SAID))
    door.clock.pass_by(60)
    await door.tell(record({"advertising": True, "join": other}))
    assert await reasons(door, order("1", {"join": other}), order("2", BY_CART)) == ["accepted"] * 2
    door.clock.pass_by(5)
    await door.tell(record({**SAID, "advertising": False}))
    assert [event.event_id for event in await door.stored()] == ["1"]


async def test_an_order_that_waited_for_its_record_is_known_by_all_of_it_too(tmp_path: Path) -> None:
    """It cited a cart, and the record that let it go on is taken back by its receipt."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order("1", BY_CART))
        await door.tell(record(SAID))
        assert await waiting(door) == [1, 1, 1]
        door.clock.pass_by(5)
        await door.take_back({"receipt": RECEIPT})
        assert await waiting(door) == [0, 0, 0]


async def test_no_order_slips_past_a_refusal_that_comes_at_the_same_time(door: Doorway) -> None:
    """Orders that found the yes just before it was taken back are removed, or refused by the store itself."""
    seen: set[str] = set()
    for turn in range(20):
        cites = {"receipt": f"{RECEIPT}-{turn:03}"}
        mine = {"customer": {"email": f"{turn}@example.com"}}
        await door.tell(record({"advertising": True, **cites}))
        door.clock.pass_by(5)
        posts = [door.post(order(f"{turn}-{number}", cites, **mine)) for number in range(8)]
        posts.insert(turn % 9, door.tell(record({"advertising": False, **cites})))
        answers = await asyncio.gather(*posts)
        results = [result for answer in answers if answer.status == 202 for result in answer.results]
        seen |= {result.get("reason", result["status"]) for result in results}
        assert await waiting(door) == [0, 0, 0]
    assert seen - {"advertising_denied", "withdrawn"} == {"accepted"}


async def test_what_comes_after_a_refusal_is_refused_until_a_newer_yes(door: Doorway) -> None:
    """Also an event that says yes itself and is of no date; a record of later lifts it."""
    await door.tell(record())
    assert await reasons(door, order("1")) == ["accepted"]
    door.clock.pass_by(5)
    await door.tell(record(NO))
    assert await reasons(door, order("2"), order("3", {"advertising": True, "receipt": RECEIPT})) == ["advertising_denied"] * 2
    door.clock.pass_by(5)
    await door.tell(record())
    assert await reasons(door, order("4")) == ["accepted"]


@pytest.mark.parametrize(
    "consent", [{"advertising": None}, {"advertising": "no"}, {"advertising": True, "given_at": NOW - 10**8}]
)
async def test_what_merely_grants_nothing_takes_nothing_back(door: Doorway, consent: dict[str, Any]) -> None:
    """Silence, what cannot be read and age are refusals for what comes; nobody took anything back."""
    await door.tell(record())
    assert await reasons(door, order()) == ["accepted"]
    door.clock.pass_by(5)
    await door.tell(record({**consent, "receipt": RECEIPT}))
    assert await waiting(door) == [1, 1, 1]


async def test_a_refusal_of_some_takes_back_what_waits_and_hears_what_comes(door: Doorway) -> None:
    """What came in before the decision goes, for all of them; what comes under it goes where it allows."""
    await door.tell(record())
    assert await reasons(door, order("1")) == ["accepted"]
    door.clock.pass_by(5)
    await door.tell(record({**YES, "vendors": {"meta": False}}))
    assert await waiting(door) == [0, 0, 0]
    assert await reasons(door, order("2")) == ["accepted"]
    assert await waiting(door) == [0, 1, 1]


async def test_what_is_taken_back_is_told_as_of_now_however_old_the_decision(door: Doorway) -> None:
    """A refusal of some may be weeks old when a page posts it; what it takes out goes now, and `explain` says so for days."""
    await door.tell(record({**YES, "given_at": NOW - 100 * 86_400}))
    assert await reasons(door, order("1")) == ["accepted"]
    door.clock.pass_by(5)
    await door.tell(record({**YES, "vendors": {"meta": False}, "given_at": NOW - 50 * 86_400}))
    await door.outbox.sweep(int(door.clock.wall))
    told = await door.outbox.explain(SHOP, Kind.PURCHASE, EventId("1"))
    assert told is not None
    assert [(attempt.state, attempt.at) for attempt in told.attempts] == [("withdrawn", NOW + 5)] * 3
    assert await reasons(door, order("2")) == ["accepted"]


async def test_a_page_takes_nothing_back_by_an_order_number(door: Doorway) -> None:
    """Numbers run, and a page's key is public; the refusal counts for what comes, and a server may take back by it."""
    await door.tell(record({"advertising": True, "join": {"order_id": "1001"}}))
    by_number = {"join": {"order_id": "1001"}}
    assert await reasons(door, order("1", by_number)) == ["accepted"]
    door.clock.pass_by(5)
    await door.tell(record({"advertising": False, **by_number}))
    assert await waiting(door) == [1, 1, 1]
    assert await reasons(door, order("2", by_number)) == ["advertising_denied"]


async def test_a_server_takes_back_by_an_order_number(door: Doorway) -> None:
    """It knows whose order it was."""
    by_number = {"join": {"order_id": "1001"}}
    await door.say(record({"advertising": True, **by_number}))
    assert await reasons(door, order("1", by_number)) == ["accepted"]
    door.clock.pass_by(5)
    await door.say(record({"advertising": False, **by_number}))
    assert await waiting(door) == [0, 0, 0]


async def test_a_refusal_that_comes_while_nothing_is_known_leaves_no_line(door: Doorway) -> None:
    """Most people refuse once: an event that says yes itself and cites the same is heard by what the record says."""
    await door.tell(record(NO))
    assert await reasons(door, order("1", {"advertising": True, "receipt": RECEIPT})) == ["advertising_denied"]
    assert await reasons(door, purchase("2")) == ["accepted"]


# ── orders that come before their record ─────────────────────────────────────────────────────────────────────────


async def test_by_default_an_order_does_not_wait(door: Doorway) -> None:
    """A record that comes after it allows the next one, not this one."""
    assert await reasons(door, order()) == ["no_consent_record"]
    await door.tell(record())
    assert await door.stored() == []
    assert door.metric("held_orders_total") == 0


async def test_an_order_can_wait_for_a_record_that_is_late(tmp_path: Path) -> None:
    """It is refused when it comes and nothing of it is accepted; a record that allows it within the time lets it go on."""
    async with doorway(tmp_path, HOLDING) as door:
        assert await reasons(door, order()) == ["no_consent_record"]
        assert (await door.stored(), door.waiting().waiting) == ([], 0)
        door.clock.pass_by(600)
        await door.tell(record())
        event = await door.only()
        assert (event.event_id, event.money and event.money.text) == ("1001", "129.90")
        assert event.email is not None
        assert event.email.meta == sha256(b"jane@example.com").hexdigest()
        assert door.metric("events_total", source="held", status="accepted") == 1
        assert [door.metric("held_orders_total", outcome=outcome) for outcome in ("held", "allowed")] == [1, 1]
        await door.tell(record())
        assert door.metric("events_total", source="held") == 1


async def test_an_order_goes_on_whose_record_comes_while_it_is_looked_for(tmp_path: Path) -> None:
    """The record found nothing that waited yet, and there will be no other: the order looks once more when it has its place."""
    async with doorway(tmp_path, HOLDING) as door:
        consents, mine = Consents(door.ledger, door.outbox, door.metrics), door.callers.door(SHOP)
        events = decode(as_bytes(order()), NOW).events
        entries = await consents.run(mine.line, events, Source.EVENTS, NOW)
        await door.tell(record())
        await consents.hold(mine, events, entries, NOW)
        assert [event.event_id for event in await door.stored()] == ["1001"]
        assert [door.metric("held_orders_total", outcome=outcome) for outcome in ("held", "allowed")] == [1, 1]


async def test_an_order_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    """A second after its time a record finds nothing to let go on."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order())
        door.clock.pass_by(15 * 60)
        await door.tell(record())
        assert await door.stored() == []


async def test_a_record_that_refuses_ends_the_waiting(tmp_path: Path) -> None:
    """The order is deleted: a later yes is for later orders."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order())
        await door.tell(record(NO))
        assert door.metric("held_orders_total", outcome="refused") == 1
        door.clock.pass_by(5)
        await door.tell(record())
        assert await door.stored() == []


async def test_a_record_that_grants_nothing_lets_it_wait_on(tmp_path: Path) -> None:
    """A page may tell its default before the visitor has answered."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order())
        await door.tell(record({"receipt": RECEIPT}))
        assert await door.stored() == []
        door.clock.pass_by(5)
        await door.tell(record())
        assert len(await door.stored()) == 1


async def test_an_order_goes_on_only_to_those_that_the_record_allows(tmp_path: Path) -> None:
    """Consent is decided when the record has come, by the whole line."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order())
        await door.tell(record({"vendors": {"meta": True, "pinterest": False}, "receipt": RECEIPT}))
        assert [len(await door.stored(destination)) for destination in Destination] == [1, 0, 0]


async def test_an_order_that_is_posted_again_counts_once(tmp_path: Path) -> None:
    """By its id, whether it waited twice or comes again after its record."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, order(), order())
        await door.tell(record())
        assert await reasons(door, order()) == ["duplicate"]
        assert len(await door.stored()) == 1
        assert door.metric("events_total", source="held", status="duplicate") == 1


@pytest.mark.parametrize(
    "said",
    [order(consent={"receipt": RECEIPT, "shopify": {"marketingAllowed": True}}), order(minor=True), order(consent={})],
    ids=["says more", "a minor", "cites nothing"],
)
async def test_only_an_order_that_lacks_nothing_but_its_record_waits(tmp_path: Path, said: dict[str, Any]) -> None:
    """Whatever else refuses it would refuse it after the waiting too, or would have to be kept."""
    async with doorway(tmp_path, HOLDING) as door:
        await reasons(door, said)
        assert door.metric("held_orders_total") == 0


async def test_a_browsers_event_does_not_wait(tmp_path: Path) -> None:
    """A browser knows what its visitor decided."""
    async with doorway(tmp_path, HOLDING) as door:
        await door.collect(order())
        assert door.metric("held_orders_total") == 0


async def test_what_waits_cannot_be_read_in_the_file(tmp_path: Path) -> None:
    """Neither what the order said nor what it cites is in any byte of the store's folder, clear or plainly hashed."""
    cites = {"receipt": "canary-receipt-0123456789", "join": {"order_id": "canary-order", "client_id": "canary-client"}}
    said = order("canary-id", cites, customer={"email": "canary@example.com"}, client={"ip": "203.0.113.77"})
    async with doorway(tmp_path, HOLDING) as door:
        assert await reasons(door, said) == ["no_consent_record"]
        await door.say(record({"advertising": None, "join": cites["join"], "tcf": "canary-tcf"}))
        assert door.metric("held_orders_total", outcome="held") == 1
        needles = Needles(disguises("canary") | addresses("203.0.113.77") | hashed("canary@example.com"))
        files = [path for path in tmp_path.joinpath("store").iterdir() if path.is_file()]
        assert any(path.name.startswith("ledger.db") for path in files)
        assert [path.name for path in files if needles.found(path.read_bytes())] == []


# ── when nothing can be kept ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_that_cannot_wait_leaves_nothing_accepted(tmp_path: Path) -> None:
    """503 means it of the whole request: what came with an order that a full ledger cannot hold is not stored either."""
    full = (HOLDING[0], HOLDING[1] + SMALL[1].removeprefix(SMALL[0]))
    async with doorway(tmp_path, full) as door:
        await fill(door.ledger)
        assert is_error(await door.post({"events": [purchase("plain"), order()]}), 503, "store_full")
        assert await door.stored() == []
        assert not (await door.book()).received


async def test_a_shut_ledger_is_503_for_whoever_needs_it(door: Doorway) -> None:
    """Records, and events that cite one; those that cite nothing do not notice."""
    await door.ledger.close()
    for answer in (await door.say(record()), await door.tell(record()), await door.post(order()), await door.collect(order())):
        assert is_error(answer, 503, "stopping")
        assert answer.retry_after >= 5
    assert await reasons(door, purchase("7")) == ["accepted"]
    assert [event.event_id for event in await door.stored()] == ["7"]


async def test_a_no_takes_back_before_it_is_kept(door: Doorway) -> None:
    """Should the process die between the two, or a store: what was refused never goes while the refusal lies in the ledger."""
    await door.tell(record())
    there = a_door(door.settings, SHOP, door.clock, Persons(Keyring.load(door.settings.server.key_file).pepper))
    consents = Consents(door.ledger, door.outbox, door.metrics)
    await door.outbox.close()
    with pytest.raises(Unavailable):
        await consents.keep(there, RawConsent(consent=NO), Told.BROWSER, NOW + 5)
    assert len(await door.kept(Identifier.RECEIPT, RECEIPT)) == 1


async def test_large_records_cost_a_visitor_more(door: Doorway) -> None:
    """One network must not fill the ledger of all within the hour; what a shop's page posts is small and costs one event."""
    large = record({**YES, "tcf": "C" * (CONSENT_BYTES - 200)})
    answers = [(await door.tell(large)).status for _ in range(13)]
    assert answers == [204] * 12 + [429]
    assert (await door.say(large)).status == 201


@pytest.mark.parametrize("told", ["tell", "say"])
async def test_a_no_counts_though_a_full_ledger_cannot_keep_it(tmp_path: Path, told: str) -> None:
    """It is 503; what waits is taken back, and the yes that it was said to allows nothing any more."""
    async with doorway(tmp_path, SMALL) as door:
        await door.tell(record())
        assert await reasons(door, order("1")) == ["accepted"]
        await fill(door.ledger)
        door.clock.pass_by(5)
        answer = await getattr(door, told)(record(NO))
        assert is_error(answer, 503, "store_full")
        assert await waiting(door) == [0, 0, 0]
        assert await reasons(door, order("2")) == ["withdrawn"]
        assert is_error(await door.tell(record()), 503, "store_full")
        assert await reasons(door, order("3")) == ["withdrawn"]


async def test_a_full_outbox_still_takes_records(tmp_path: Path) -> None:
    """A person who says no is heard, also while no event can be taken."""
    async with doorway(tmp_path, max_bytes="1MiB") as door:
        for start in range(0, 100_000, 500):
            batch = [purchase(f"{number}", customer={"email": f"{number}@example.com"}) for number in range(start, start + 500)]
            if (await door.post({"events": batch})).status == 503:
                break
        assert is_error(await door.post(purchase("x")), 503, "store_full")
        assert (await door.say(record(NO))).status == 201
        assert (await door.tell(record(NO))).status == 204


async def test_a_stopping_gateway_takes_no_records(door: Doorway) -> None:
    """503, as for events."""
    door.intake.close()
    assert is_error(await door.say(record()), 503, "stopping")
    assert is_error(await door.tell(record()), 503, "stopping")


# ── what is counted ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("consent", "outcome"),
    [(YES, "granted"), (NO, "refused"), ({"receipt": RECEIPT}, "refused"), ({**YES, "vendors": {"meta": False}}, "mixed")],
)
async def test_records_are_counted_by_whose_word_they_are_and_what_they_say(door: Doorway, consent: Any, outcome: str) -> None:
    """Over all of the storefront's destinations."""
    await door.say(record(consent))
    await door.tell(record(consent))
    for source in ("server", "browser"):
        assert door.metric("consent_records_total", storefront="shop", source=source, outcome=outcome) == 1
    assert door.metric("consent_records_total") == 2
    assert door.metric("requests_total", route="/v1/consent") == 2


async def test_undeclared_fields_of_a_record_are_counted(door: Doorway) -> None:
    """By closed names, as those of events are."""
    await door.say(record(email="jane@example.com", **{"jane@example.com": 1}))
    assert door.metric("unknown_fields_total", object="record.email") == 1
    assert door.metric("unknown_fields_total", object="record.other") == 1


async def test_a_record_is_no_event(door: Doorway) -> None:
    """The books know nothing of it."""
    await door.say(record())
    assert (await door.book()).received == {}
    assert door.metric("events_total") == 0
