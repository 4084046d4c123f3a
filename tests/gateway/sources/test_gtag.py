"""What Google's tag sends: read as it is meant where that is plain, and otherwise in the way that sends less."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.policy import Policy
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import Malformed, RawEvent
from gateway.sources.gtag import (
    CONSENT,
    FAMILIES,
    MAX_LINES,
    PASSED_OVER,
    SAME_EVERYWHERE,
    decode,
    digest_of,
    item_id,
    rounded,
)
from gateway.sources.native import MAX_CONTENT_IDS, Batch, Connection
from gateway.sources.parameters import MAX_PARAMETERS
from gateway.sources.typed import MAX_TEXT
from tests.effort import seconds
from tests.strategies import NOW

RECORDED: Final = json.loads((Path(__file__).parents[2] / "data/gtag.json").read_text())
BROWSER: Final = Connection("203.0.113.7", "agent", gpc=False)
GRANTED: Final = "13r3r3r3r5l1"
JANE: Final = "jIe0ic41zy4vOfgOKCyy6ASTKlaiE5g-7rQoQH1DtS0"
EVERYWHERE: Final = tuple(Destination)

GOOD: Final = {
    "v": "2",
    "tid": "G-ABCD1234",
    "_p": "1768476420055",
    "_s": "2",
    "cid": "315691213.1760240992",
    "gcs": "G111",
    "gcd": GRANTED,
    "npa": "0",
    "en": "purchase",
    "cu": "EUR",
    "epn.value": "129.9",
    "ep.transaction_id": "1001",
    "dl": "https://shop.example/thanks?token=x",
}


def query(**changes: str | None) -> str:
    """The query of a good purchase with some parameters replaced, or left out where None; `__` stands for a dot."""
    said = {**GOOD, **{name.replace("__", "."): value for name, value in changes.items()}}
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in said.items() if value is not None)


def read(text: str, body: bytes = b"", connection: Connection = BROWSER) -> RawEvent:
    """The one event of a request, which must be readable."""
    (event,) = decode(text, body, NOW, connection).events
    assert isinstance(event, RawEvent), event
    return event


def fault(text: str, body: bytes = b"") -> tuple[str, Fault]:
    """What is wrong with the one event of a request."""
    (event,) = decode(text, body, NOW, BROWSER).events
    assert isinstance(event, Malformed), event
    return event.field, event.fault


def told(event: RawEvent | Malformed) -> dict[str, Any]:
    """An event in the words of the recorded ones."""
    if isinstance(event, Malformed):
        return {"fault": event.fault}
    said = {
        "kind": event.kind,
        "page_url": event.page_url,
        "money": event.money and f"{event.money.text} {event.money.currency}",
        "content_ids": list(event.content_ids),
        "google_digest": event.email_sha256 and event.email_sha256[Destination.GOOGLE_ADS],
        "consent": event.consent,
    }
    return {name: value for name, value in said.items() if value} | (
        {"event_id": event.event_id} if event.kind is Kind.PURCHASE else {}
    )


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", RECORDED, ids=lambda shape: shape["name"])
def test_what_the_tag_was_seen_to_send_is_read(shape: dict[str, Any]) -> None:
    """Recorded requests, to the last field that is kept; all else is known to be the tag's or the shop's own."""
    batch = decode(shape["query"], shape["body"].encode(), NOW, BROWSER)
    assert [told(event) for event in batch.events] == shape["events"]
    assert set(batch.unknown) <= {f"gtag.{name}" for name in (*PASSED_OVER, *FAMILIES)}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_line_of_the_body_is_an_event(end: str) -> None:
    """Parted as the tag does or as others do; a line's own words go before the query's, and empty lines are none."""
    lines = end.join(["en=page_view", "", "en=add_to_cart&dl=https%3A%2F%2Fshop.example%2Fb", ""])
    first, second = decode(query(en=None), lines.encode(), NOW, BROWSER).events
    assert isinstance(first, RawEvent)
    assert isinstance(second, RawEvent)
    assert (first.kind, first.page_url) == (Kind.PAGE_VIEW, GOOD["dl"])
    assert (second.kind, second.page_url) == (Kind.ADD_TO_CART, "https://shop.example/b")


def test_a_long_event_has_its_own_parameters_in_the_body() -> None:
    """Then the query holds what it shares with the others of its page, and the body one line."""
    body = b"en=purchase&epn.value=1.5&ep.transaction_id=7"
    event = read(query(en=None, epn__value=None, ep__transaction_id=None), body)
    assert (event.event_id, event.money and event.money.text) == ("7", "1.50")


def test_twenty_events_and_no_more() -> None:
    """The tag sends no more; a request with more is nobody's."""
    lines = [f"en=page_view&_s={number}" for number in range(MAX_LINES + 1)]
    assert len(decode(query(), "\n".join(lines[:-1]).encode(), NOW, BROWSER).events) == MAX_LINES
    assert fault(query(), "\n".join(lines).encode()) == ("event", Fault.TOO_LONG)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (query(v=None), ("v", Fault.NOT_ONE_OF)),
        (query(v="1"), ("v", Fault.NOT_ONE_OF)),
        (query(en=None), ("en", Fault.MISSING)),
        (query(en=""), ("en", Fault.MISSING)),
        (query(en="user_engagement"), ("en", Fault.NOT_ONE_OF)),
        (query(en="Purchase"), ("en", Fault.NOT_ONE_OF)),
        (query() + "&gcs=G100", ("query", Fault.DUPLICATE_KEY)),
        ("&".join(f"x{n}=" for n in range(MAX_PARAMETERS + 1)), ("query", Fault.TOO_MANY_KEYS)),
        ("", ("v", Fault.NOT_ONE_OF)),
    ],
)
def test_what_is_no_event_of_ours_is_told(text: str, found: tuple[str, Fault]) -> None:
    """By the parameter and the rule, never by what it said."""
    assert fault(text) == found


@pytest.mark.parametrize("name", SAME_EVERYWHERE)
def test_a_line_does_not_contradict_the_query(name: str) -> None:
    """Consent, the property and the version stand once: a later word could overrule a refusal. The same word is fine."""
    shared = query(en=None, **{name: "one"})
    assert fault(shared, f"en=page_view&{name}=two".encode()) == (name, Fault.CONFLICT)
    same = fault if name == "v" else read
    assert same(shared, f"en=page_view&{name}=one".encode())


# ── which event it is ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ep.transaction_id", "epn.transaction_id"])
def test_a_purchase_is_known_by_its_number(name: str) -> None:
    """Given as text or as a number, so that the shop's own order is the same event."""
    assert read(query(ep__transaction_id=None) + f"&{name}=10042").event_id == "10042"


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (None, Fault.MISSING),
        ("", Fault.MISSING),
        ("#1001", Fault.BAD_FORMAT),
        ("jane@example.com", Fault.BAD_FORMAT),
        ("1" * 65, Fault.TOO_LONG),
    ],
)
def test_a_purchase_without_a_usable_number_is_invalid(number: str | None, rule: Fault) -> None:
    """With an id drawn up instead it would be counted again at every reload."""
    assert fault(query(ep__transaction_id=number)) == ("ep.transaction_id", rule)


def test_other_events_are_known_by_what_the_tag_numbers_them_with() -> None:
    """The same request has the same ids; another property, client, page load, request, place or name has others."""
    one = read(query(en="page_view")).event_id
    assert one == read(query(en="page_view", dl="https://shop.example/other", sid="9")).event_id
    others = [
        read(query(en="page_view", **{name: "G-OTHER99" if name == "tid" else "9"})).event_id
        for name in ("tid", "cid", "_p", "_s")
    ]
    others.append(read(query(en="add_to_cart")).event_id)
    batch = decode(query(en=None), b"en=page_view\nen=page_view", NOW, BROWSER).events
    others += [event.event_id for event in batch[1:] if event.event_id]
    assert len({one, *others}) == len(others) + 1 == 7


@pytest.mark.parametrize("name", ["tid", "cid", "_p", "_s"])
def test_an_event_that_could_be_taken_for_another_is_invalid(name: str) -> None:
    """Without one of these two events of a visitor would be one."""
    assert fault(query(en="page_view", **{name: None})) == (name, Fault.MISSING)


def test_no_id_tells_who_the_visitor_is() -> None:
    """The client's id is in a derived id only as a part of what is digested, and nowhere else but in what finds records."""
    event = read(query(en="page_view"))
    assert GOOD["cid"] not in event.event_id
    assert event.event_id not in {sha256(GOOD["cid"].encode()).hexdigest()[:32], GOOD["cid"]}
    assert event.consent == {"gcs": "G111", "gcd": GRANTED, "join": {"client_id": GOOD["cid"]}}


# ── what is in it ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "129.90"),
        ({"epn__value": None, "ep__value": "129.90"}, "129.90"),
        ({"epn__value": "42.330000000000005"}, "42.33"),
        ({"epn__value": "42.1386"}, "42.14"),
        ({"epn__value": "1e-7"}, "0.00"),
        ({"epn__value": "7", "cu": "JPY"}, "7"),
        ({"epn__value": "7.5", "cu": "KWD"}, "7.500"),
        ({"cu": None, "ep__currency": "eur"}, "129.90"),
        ({"ep__currency": "EUR"}, "129.90"),
    ],
)
def test_a_value_is_read_with_the_places_of_its_currency(changes: dict[str, str | None], text: str) -> None:
    """Under whichever name the tag sends it; pages compute in binary fractions, so it is rounded to the currency's places."""
    money = read(query(**changes)).money
    assert money is not None
    assert money.text == text


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"epn__value": None}, ("order.value", Fault.MISSING)),
        ({"cu": None}, ("order.currency", Fault.MISSING)),
        ({"cu": "XXY"}, ("order.currency", Fault.NOT_ONE_OF)),
        ({"epn__value": "129,90"}, ("order.value", Fault.BAD_FORMAT)),
        ({"epn__value": "NaN"}, ("order.value", Fault.BAD_FORMAT)),
        ({"epn__value": "-1"}, ("order.value", Fault.OUT_OF_RANGE)),
        ({"epn__value": "1e21"}, ("order.value", Fault.OUT_OF_RANGE)),
        ({"epn__value": "1e99"}, ("order.value", Fault.OUT_OF_RANGE)),
        ({"ep__value": "130"}, ("epn.value", Fault.CONFLICT)),
        ({"ep__currency": "USD"}, ("cu", Fault.CONFLICT)),
    ],
)
def test_a_purchase_is_worth_something_plain(changes: dict[str, str | None], found: tuple[str, Fault]) -> None:
    """No value, no currency, or two of one: invalid."""
    assert fault(query(**changes)) == found


def test_other_events_need_no_value() -> None:
    """Nor does a value without a currency cost an addition to the basket its place."""
    for changes in ({"epn__value": None}, {"cu": None}, {"cu": None, "epn__value": None}):
        assert read(query(en="add_to_cart", **changes)).money is None


def test_items_give_their_ids_alone() -> None:
    """At most as many as an event may have; names, prices and the rest are passed over."""
    event = read(query(pr1="idSKU-7~nmA Name~pr9.99", pr2="nmNo id", pr3="nmB~~id~idX~~1"))
    assert event.content_ids == ("SKU-7", "X~1")
    many = {f"pr{number}": f"id{number}" for number in range(1, MAX_CONTENT_IDS + 51)}
    batch = decode(query(**many), b"", NOW, BROWSER)
    assert [len(event.content_ids) for event in batch.events if isinstance(event, RawEvent)] == [MAX_CONTENT_IDS]
    assert batch.unknown == {"gtag.items": 1}
    whole = {f"pr{number}": f"id{number}" for number in range(1, MAX_CONTENT_IDS + 1)}
    assert decode(query(**whole), b"", NOW, BROWSER).unknown == {}


@pytest.mark.parametrize("name", ["ep.coupon", "up.tier", "pr1234", "xpr1", "prx"])
def test_nothing_but_an_item_gives_an_id(name: str) -> None:
    """What looks like one in another parameter was never meant to leave."""
    assert read(query(**{name.replace(".", "__"): "idVOUCHER-7"})).content_ids == ()


@pytest.mark.parametrize(("length", "taken"), [(MAX_TEXT, 1), (MAX_TEXT + 1, 0)])
def test_an_items_id_has_a_length_that_an_event_takes(length: int, taken: int) -> None:
    """A longer one is passed over, and the event stays."""
    assert len(read(query(pr1="id" + "7" * length)).content_ids) == taken


@pytest.mark.parametrize(
    ("text", "found"),
    [("idA~nmB", "A"), ("nmB~idA", "A"), ("nmB", None), ("", None), ("id", None), ("idA~idB", None), ("idA~~~nmB", "A~")],
)
def test_an_items_id_is_the_one_that_it_names(text: str, found: str | None) -> None:
    """A doubled `~` is one that is meant; an item with two ids has none."""
    assert item_id(text) == found


@pytest.mark.parametrize(
    ("page", "click"),
    [
        ("https://shop.example/?gclid=Cj0K&x=1", {"gclid": "Cj0K"}),
        ("https://shop.example/?wbraid=a&gbraid=b", {"gbraid": "b", "wbraid": "a"}),
        ("https://shop.example/?gclid=a&gclid=b", None),
        ("https://shop.example/#?gclid=a", None),
        ("https://shop.example/?fbclid=a", None),
        ("https://shop.example/gclid", None),
        ("https://shop.example/?gclid=", None),
    ],
)
def test_googles_click_ids_are_taken_from_the_pages_address(page: str, click: dict[str, str] | None) -> None:
    """Where ads put them; two of one kind are none."""
    event = read(query(dl=page))
    assert (event.page_url, event.click) == (page, click)


@pytest.mark.parametrize("page", [None, ""])
def test_an_event_without_a_page_is_read(page: str | None) -> None:
    """The address is nothing that an event needs; an empty one is none."""
    assert read(query(dl=page)).page_url is None


def test_a_page_that_is_too_long_is_left_out() -> None:
    """And counted: the event is worth more than its page."""
    batch = decode(query(dl="https://shop.example/" + "x" * MAX_TEXT), b"", NOW, BROWSER)
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert (event.page_url, batch.unknown) == (None, {"gtag.dl": 1})


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (f"tv.1~em.{JANE}", sha256(b"jane@example.com").hexdigest()),
        (f"tv.1~em.{JANE}~pn.x~co0.NO", sha256(b"jane@example.com").hexdigest()),
        ("tv.1~em." + "0aF" * 21 + "0", ("0aF" * 21 + "0").lower()),
        (f"tv.2~em.{JANE}", None),
        (f"em.{JANE}", None),
        ("tv.1~em.", None),
        ("tv.1~em.e1", None),
        ("tv.1", None),
        ("", None),
        (f"tv.1~em.{JANE}~em.{JANE}", None),
        (f"tv.1~em.{JANE}~em1.{JANE}", None),
        (f"tv.1~em.{JANE[:-1]}", None),
        (f"tv.1~em.{JANE}=", None),
        (f"tv.1~em.{JANE[:-1]}d", None),
        (f"tv.1~em.{JANE[:-1]}é", None),
        ("tv.1~em.jane@example.com", None),
        (f"tv.1~eme.{JANE}", None),
    ],
)
def test_user_data_gives_its_one_digest_or_none(text: str, digest: str | None) -> None:
    """43 characters of base64url that stand for 32 bytes in one way only, or 64 hexadecimal digits; in doubt it is none."""
    assert digest_of(text) == digest
    expected = None if digest is None else {Destination.GOOGLE_ADS: digest}
    batch = decode(query(em=text), b"", NOW, BROWSER)
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert event.email_sha256 == expected
    assert batch.unknown == ({"gtag.em": 1} if digest is None else {})


def test_the_browser_says_who_and_where_it_is() -> None:
    """Address, agent, `Sec-GPC` and the edge's country are the connection's; what the tag says of them is dropped."""
    connection = Connection("203.0.113.9", "Mine/1.0", gpc=True, edge=("FR", None))
    event = read(query(_uip="198.51.100.1", ul="fr", sr="1x1"), connection=connection)
    assert (event.ip, event.user_agent, event.gpc_header, event.edge) == ("203.0.113.9", "Mine/1.0", True, ("FR", None))
    assert event.occurred_at == NOW


def test_what_one_line_says_too_much_makes_that_event_alone_doubtful() -> None:
    """A name that nobody knows in a line of the body is of that event, one in the query is of all."""
    lines = b"en=page_view&surprise=1\nen=page_view"
    assert [event.unknown for event in decode(query(en=None), lines, NOW, BROWSER).events if isinstance(event, RawEvent)] == [
        True,
        False,
    ]


def test_what_is_dropped_is_counted_under_names_of_ours() -> None:
    """The tag's own by name, the shop's by family, the rest as other: a name can be data too."""
    said = query(uid="u", ul="fr", ep__coupon="x", epn__tax="1", up__email="y", eme="tv.1~z", sst__x="1", _p_x="2", jane="3")
    batch = decode(said, b"", NOW, BROWSER)
    assert batch.unknown == {
        **dict.fromkeys(("gtag.uid", "gtag.ul", "gtag.ep", "gtag.epn", "gtag.up", "gtag.eme", "gtag.sst"), 1),
        "gtag.other": 2,
    }
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert event.unknown
    assert not read(query(uid="u", ul="fr")).unknown


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def allowed(event: RawEvent, policy: Policy | None = None) -> tuple[Destination, ...]:
    """Who may have an event."""
    return decide(event, policy or Policy(), EVERYWHERE, NOW).allowed


def test_an_update_that_grants_goes_to_google_alone() -> None:
    """The visitor's own yes in `gcd`, and personalisation as it says."""
    decision = decide(read(query()), Policy(), EVERYWHERE, NOW)
    assert (decision.allowed, decision.ads_personalisation) == ((Destination.GOOGLE_ADS,), True)


@pytest.mark.parametrize(
    "changes",
    [
        {"gcd": None},
        {"gcd": "13t3t3t3t5l1"},
        {"gcd": "13l3l3l3l1"},
        {"gcd": "13p3p3p3p5l1"},
        {"gcd": "13r3r3q3r5l1"},
        {"gcd": "13r3r3r3rdl1"},
        {"gcd": "hostile"},
        {"gcd": ""},
        {"gcs": "G100"},
        {"gcs": "G2"},
        {"gcs": ""},
        {"gdpr_consent": "x"},
        {"gdpr_consent": ""},
        {"gpp": "x"},
        {"us_privacy": "1YYN"},
        {"us_privacy": ""},
        {"rdp": "1"},
        {"rdp": "x"},
        {"cid": "1" * 300},
    ],
)
def test_anything_less_goes_nowhere(changes: dict[str, str | None]) -> None:
    """No update, a default, a refusal, an opt-out, or what cannot be read, wherever it stands."""
    assert allowed(read(query(**changes))) == ()


@pytest.mark.parametrize("npa", ["1", "x", "true"])
def test_non_personalised_advertising_is_passed_on(npa: str) -> None:
    """Whatever `gcd` says of personalisation; anything but `0` means it."""
    decision = decide(read(query(npa=npa)), Policy(), EVERYWHERE, NOW)
    assert (decision.allowed, decision.ads_personalisation) == ((Destination.GOOGLE_ADS,), False)


def test_global_privacy_control_is_heard() -> None:
    """From the browser's header, since the tag passes it on for some states only."""
    assert allowed(read(query(), connection=Connection("203.0.113.7", "agent", gpc=True))) == ()


# ── hostile input ────────────────────────────────────────────────────────────────────────────────────────────────

OTHERS: Final = ("rdp", "em", "pr1", "ep.value", "ep.currency", "uid", "")
NAMES: Final = st.sampled_from((*GOOD, *CONSENT, *OTHERS)) | st.text(max_size=5)
VALUES: Final = st.sampled_from(
    (*GOOD.values(), "", "0", "1", "G100", "13p3p3p3p5l1", f"tv.1~em.{JANE}", "1e400", "~" * 9, "\ud800")
) | st.text(max_size=12)
PIECES: Final = st.lists(st.tuples(NAMES, VALUES), max_size=12).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
QUERIES: Final = st.builds("{}{}{}".format, st.just(query()) | st.just("v=2"), st.sampled_from(("&", "", "&&")), PIECES)
BODIES: Final = st.binary(max_size=80) | st.lists(PIECES, max_size=4).map(
    lambda lines: "\r\n".join(lines).encode("utf-8", "surrogatepass")
)


@given(QUERIES | st.text(max_size=40), BODIES)
def test_whatever_comes_is_read_or_refused(text: str, body: bytes) -> None:
    """Nothing is raised, an event for each line, and every name and count is one of ours."""
    batch = decode(text, body, NOW, BROWSER)
    assert isinstance(batch, Batch)
    assert 1 <= len(batch.events) <= MAX_LINES
    assert set(batch.unknown) <= {f"gtag.{name}" for name in (*PASSED_OVER, *FAMILIES, "other", "em", "dl", "items")}


@given(PIECES, st.lists(PIECES, min_size=1, max_size=3))
def test_nothing_that_is_added_turns_a_refusal_into_a_permission(more: str, lines: list[str]) -> None:
    """Whatever stands beside a refused event's consent, in the query or in its line, it goes nowhere."""
    base = query(gcs="G100", gcd="13p3p3p3p5l1", en=None)
    body = "\n".join(f"en=page_view&{line}" for line in lines).encode("utf-8", "surrogatepass")
    for text in (base, f"{base}&{more}"):
        for event in decode(text, body, NOW, BROWSER).events:
            assert isinstance(event, Malformed) or allowed(event) == ()


@pytest.mark.parametrize("piece", [b"%", b"%41", b"~", b"&", b"=", b"\n", b"pr1=id~", b"a=b&", b"en=page_view\n", b"\xff"])
def test_a_body_of_any_one_thing_costs_little(piece: bytes) -> None:
    """64 KiB of it are read within 50 ms of the processor's time."""
    body = (piece * (1 << 16))[: 1 << 16]
    text = f"{query()}&em={'~' * 4000}"
    order = b"en=purchase&epn.value=" + body[:4096] + b"&pr1=" + body[: 1 << 15]
    assert seconds(lambda: decode(text, body, NOW, BROWSER)) < 0.05
    assert seconds(lambda: decode(query(en=None), order, NOW, BROWSER)) < 0.05


@given(st.decimals(0, 10**7, places=5), st.sampled_from(["EUR", "JPY", "KWD", "xxx"]))
def test_rounding_moves_a_value_by_half_a_unit_at_most(amount: Any, currency: str) -> None:
    """Of the currency's smallest."""
    places = {"JPY": 0, "KWD": 3}.get(currency, 2)
    assert abs(type(amount)(rounded(str(amount), currency)) - amount) <= type(amount)(5).scaleb(-places - 1)
