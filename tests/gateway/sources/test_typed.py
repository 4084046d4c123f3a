"""The decoder in C takes what is common, and reads exactly what the careful reader reads."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sources import typed
from gateway.sources.fields import MAX_KEYS
from gateway.sources.native import Batch, Connection, NotAnEvent, TooManyEvents, decode, read_carefully
from gateway.sources.strict import Unreadable
from tests.strategies import CLICKS, CLIENTS, CONSENTS, DAY, EVENTS, IPS, JSON, NOW, URLS, good_event, json_texts

TEXTS = st.sampled_from(("jane@example.com", "", "é😀", 'a"b', "a\\", "\\\\", "/", "\x00", "x" * 4096, "x" * 4097)) | st.none()
COMMON = st.fixed_dictionaries(
    {
        "event": st.sampled_from(("purchase", "add_to_cart", "page_view")),
        "event_id": st.sampled_from(("1001", "a.b:c-d_e", "x" * 64, "x" * 65, "", "a b")),
        "occurred_at": st.sampled_from((NOW - 7 * DAY - 1, NOW - 7 * DAY, NOW, NOW + 1, NOW + 300, NOW + 301, 2**40, 2**64))
        | st.sampled_from(
            ("2026-11-22T10:00:00Z", "2026-11-22T10:16:00Z", "2026-11-22t10:00:00.5+01:00", "2026-11-22", "", "0" * 36)
        ),
    },
    optional={
        "page_url": TEXTS | URLS,
        "customer": st.none() | st.fixed_dictionaries({}, optional={"email": TEXTS}),
        "client": st.none()
        | st.fixed_dictionaries({}, optional={"ip": IPS, "user_agent": TEXTS, "country": TEXTS, "region": TEXTS}),
        "order": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "value": st.sampled_from(("129.90", "1.999", "", 0, 12, 10**12, 10**12 + 1, 2**64, -1, 0.1, 1.0, 1e300, None)),
                "currency": st.sampled_from(("EUR", "eur", "JPY", "XXX", "", None)),
                "content_ids": st.none() | st.lists(TEXTS, max_size=3),
            },
        ),
        "click": st.none() | st.dictionaries(st.sampled_from(("gclid", "gbraid", "wbraid", "fbc", "fbp", "epik")), TEXTS),
        "consent": st.none()
        | CONSENTS
        | st.dictionaries(
            st.sampled_from(("advertising", "given_at", "banner_version", "vendors", "gcp")),
            TEXTS
            | st.booleans()
            | st.sampled_from((-1, 0, 1, NOW, 2**40, 2**64, -(2**63) - 1))
            | st.dictionaries(TEXTS.map(str), st.booleans() | st.none(), max_size=2),
        ),
    },
)
"""Events of the common form, with values on both sides of every rule."""


@st.composite
def texts(draw: st.DrawFn, events: st.SearchStrategy[dict[str, Any]]) -> str:
    """An event as JSON text: with or without blanks and escapes, its keys in any order, now and then one of them twice."""
    style: dict[str, Any] = {
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from(((",", ":"), (", ", ": "), ("\n,", " :")))),
    }
    pairs = [
        f"{json.dumps(name)}:{_object(draw, value, style) if isinstance(value, dict) else json.dumps(value, **style)}"
        for name, value in draw(events).items()
    ]
    return "{" + ",".join(_twice(draw, draw(st.permutations(pairs)))) + "}"


def _object(draw: st.DrawFn, value: dict[str, Any], style: dict[str, Any]) -> str:
    return (
        "{" + ",".join(_twice(draw, [f"{json.dumps(name)}:{json.dumps(part, **style)}" for name, part in value.items()])) + "}"
    )


def _twice(draw: st.DrawFn, pairs: list[str]) -> list[str]:
    """Nine times of ten leave the pairs alone."""
    again = draw(st.sampled_from((False,) * 9 + (True,)))
    return [*pairs, draw(st.sampled_from(pairs))] if again and pairs else pairs


CONNECTIONS = st.none() | st.builds(Connection, st.none() | IPS, TEXTS, st.booleans())


def told(read: Any, body: bytes, connection: Connection | None) -> object:
    """What a reader makes of a body, down to the types of its values; which refusal, if it refuses it."""
    try:
        batch: Batch = read(body, NOW, connection)
    except (Unreadable, NotAnEvent, TooManyEvents) as refusal:
        return type(refusal)
    return [(type(event), repr(_written(event))) for event in batch.events], batch.unknown


def _written(event: msgspec.Struct) -> dict[str, object]:
    fields = msgspec.structs.asdict(event)
    click = fields.get("click")
    return {**fields, "click": sorted(click.items())} if click else fields


def agree(body: bytes, connection: Connection | None = None) -> None:
    """Both readers must say the same."""
    assert told(decode, body, connection) == told(read_carefully, body, connection)


@given(texts(COMMON), CONNECTIONS)
def test_a_nearly_common_event_is_read_as_the_careful_reader_reads_it(text: str, connection: Connection | None) -> None:
    """Whatever the decoder takes, its values are the same to the last type; what it does not take is left to the other."""
    agree(text.encode(), connection)


@given(st.lists(texts(COMMON | EVENTS), max_size=4))
def test_so_is_a_batch(events: list[str]) -> None:
    """The same for several events, of which some may be anything."""
    agree(f'{{"events":[{",".join(events)}]}}'.encode())


@given(json_texts(broken=True), st.sampled_from(("event_id", "page_url", "customer", "consent", "order", "events", "x")))
def test_so_is_any_json_in_the_place_of_a_field(text: str, name: str) -> None:
    """Text that JSON allows in strange ways, or does not allow, beside the fields of a good event and in place of one."""
    good = json.dumps(good_event())
    agree(f'{good[:-1]},"{name}":{text}}}'.encode())
    agree(f'{{"{name}":{text},{good[1:]}'.encode())


@given(JSON | CLICKS | CLIENTS | CONSENTS, st.sampled_from(("client", "click", "consent")))
def test_so_is_any_value_in_the_place_of_an_object(value: Any, name: str) -> None:
    """Objects of all sorts where one of ours is expected."""
    agree(json.dumps(good_event(**{name: value})).encode())


CONSENTS_AT_THE_EDGE: list[dict[str, Any]] = [
    {"cookies": {"CookieConsent": "{stamp:'é😀',marketing:true}", "didomi_token": "x" * 9000, "_ga": None}},
    {"cookies": {"CookieConsent": 1}},
    {"cookies": {"CookieConsent": {}}},
    {"cookies": "CookieConsent=-1"},
    {"cookies": {str(number): "" for number in range(MAX_KEYS + 1)}},
    {"gcs": "G111", "gcd": "11r1r1r1r5", "shopify_visitor": {"marketing": "yes", "sale_of_data": ""}},
    {"cookiebot": {"marketing": True, "method": None}, "axeptio": {"facebook_pixel": True}},
    {"pandectes": {"preferences": 0, "consentType": "new"}},
    {"didomi": {"purposes": {"x": {"enabled": True}}, "vendors": {}}},
    {"onetrust": {"OnetrustActiveGroups": ["C0004"], "IsAlertBoxClosed": True}},
]

EDGES: list[dict[str, Any]] = [
    *({"page_url": text} for text in ("", "x" * 4096, "x" * 4097)),
    *({"client": {"ip": text, "user_agent": text, "country": text, "region": text}} for text in ("", "x" * 4097)),
    *({"customer": {"email": text}} for text in ("", "x" * 4097)),
    *({"click": {"gclid": text}} for text in ("", None, "x", "x" * 4097)),
    *(
        {"occurred_at": at}
        for at in (NOW - 7 * DAY - 1, NOW - 7 * DAY, NOW, NOW + 1, NOW + 300, NOW + 301, -1, 2**64, "0" * 36)
    ),
    *(
        {"order": order}
        for order in (None, {}, {"value": None}, {"value": 1}, {"currency": "EUR"}, {"value": 2**70, "currency": "EUR"})
    ),
    *({"order": {"value": value, "currency": "EUR"}} for value in (0, 0.1, 1.0, 10**12, 10**12 + 1, -1, "", "1.999", "1.90")),
    *({"consent": consent} for consent in (None, {}, {"given_at": 2**64}, {"x": -(2**63) - 1}, {"google": {"x": 1}})),
    *({"consent": consent} for consent in CONSENTS_AT_THE_EDGE),
    *(
        {"order": {"value": 1, "currency": "EUR", "content_ids": ids}}
        for ids in (None, [], ["a"] * 100, ["a"] * 101, [""], [None], [1], "a")
    ),
    *({"event_id": id_} for id_ in ("", "x" * 64, "x" * 65, "a b", "ä")),
]


@pytest.mark.parametrize("changes", EDGES, ids=[str(number) for number in range(len(EDGES))])
@pytest.mark.parametrize("kind", ["purchase", "page_view"])
def test_so_is_each_edge_of_each_rule(changes: dict[str, Any], kind: str) -> None:
    """Just inside and just outside, for an event that needs an order and for one that does not."""
    agree(json.dumps(good_event(event=kind, **changes)).encode())


@pytest.mark.parametrize("indent", [None, 1])
def test_a_good_event_is_common(indent: int | None) -> None:
    """The event of the documentation needs no careful reader, compact or not, alone or in company."""
    assert typed.read(json.dumps(good_event(), indent=indent).encode()) is not None
    assert typed.read(json.dumps({"events": [good_event(), good_event()]}, indent=indent).encode()) is not None


@pytest.mark.parametrize(
    "consent",
    [
        {"cookies": {"CookieConsent": "{stamp:%27a%27%2Cmarketing:true}", "OptanonConsent": 'groups=C0004%3A1&x="\\'}},
        {"gcs": "G111", "gcd": "11r1r1r1r5", "shopify_visitor": {"marketing": "yes"}},
        {"cookiebot": {"marketing": True, "method": "explicit"}},
    ],
)
def test_consent_in_flat_objects_is_common(consent: dict[str, Any]) -> None:
    """Cookies and the like need no careful reader: they are names with texts, and come with every event of some shops."""
    read = typed.read(json.dumps(good_event(consent=consent)).encode())
    assert [event.consent for event in read or ()] == [consent]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"event":"page_view","event_id":"1","occurred_at":1,"event_id":"1"}', "a key twice"),
        (
            '{"event":"page_view","event_id":"1","occurred_at":1,"consent":{"advertising":false,"advertising":true}}',
            "a signal twice",
        ),
        ('{"event":"page_view","event_id":"1","occurred_at":1,"phone":1}', "an undeclared field"),
        ('{"event":"page_view","event_id":"1","occurred_at":1,"client":{"x":1}}', "an undeclared field inside"),
        ('{"event":"page_view","event_id":"1"}', "a field missing"),
        ('{"event":"refund","event_id":"1","occurred_at":1}', "another event"),
        ('{"event":"page_view","event_id":"1","occurred_at":1.0}', "a number of the wrong kind"),
        ('{"event":"page_view","event_id":"1","occurred_at":1,"page_url":""}', "empty text"),
        ('{"event":"page_view","event_id":"1","occurred_at":1,"consent":{"gpp_sid":[7]}}', "a list"),
        ('{"event":"page_view","event_id":"1","occurred_at":1,"consent":{"google":{"a":{}}}}', "depth"),
        ('{"event":"page_view","event_id":"\\ud800","occurred_at":1}', "half a surrogate pair"),
        ('{"event":"page_view","event_id":"1","occurred_at":1}}', "no JSON"),
        ('{"events":[{"event":"page_view","event_id":"1","occurred_at":1}],"events":[]}', "a batch twice"),
        ("[]", "a list of nothing"),
        ("null", "nothing"),
    ],
)
def test_what_is_not_common_is_left_to_the_careful_reader(text: str, why: str) -> None:
    """Each of these is not read here at all."""
    assert typed.read(text.encode()) is None, why


def test_bytes_that_are_no_text_are_left_to_the_careful_reader() -> None:
    """Invalid UTF-8, in a declared field or elsewhere."""
    assert typed.read(b'{"event":"page_view","event_id":"1","occurred_at":1,"page_url":"\xff"}') is None
    assert typed.read(b'{"event":"page_view","event_id":"1","occurred_at":1,"x":"\xff"}') is None


def test_too_many_names_in_a_consent_are_told_by_the_careful_reader() -> None:
    """The bound on names holds for common events, too."""
    crowded = {str(number): True for number in range(MAX_KEYS + 1)}
    agree(json.dumps(good_event(consent=crowded)).encode())
    agree(json.dumps(good_event(consent=dict.fromkeys(list(crowded)[:MAX_KEYS], True))).encode())
