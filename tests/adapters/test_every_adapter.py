"""What every adapter owes, whatever the platform: no reply can hurt it, and nothing leaves that was not allowed."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from adapters import ADAPTERS
from gateway.adapter import Access, Processed, Reply
from gateway.delivery.contract import Cleared
from gateway.delivery.outgoing import compose
from gateway.delivery.rehearsal import NOBODY, samples
from gateway.delivery.value_kinds import KINDS
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    GoogleClickId,
    PageOrigin,
    PagePath,
    PinterestClickId,
    PlatformCode,
    Receipt,
    UserAgent,
)
from gateway.model.verdict import Delivered, Pause, Retry, Throttle
from gateway.model.words import Destination, Reason, Refusal, UsState
from gateway.secret import Secret
from tests.adapters.cases import (
    ALL_ALLOWED,
    EVENTS,
    LEAST_SETTINGS,
    born,
    contract_of,
    golden_cases,
    golden_events,
    golden_reply,
    made,
)
from tests.gateway.outbox.making import matching

EVERY = pytest.mark.parametrize("destination", list(Destination))
STATUSES = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503]) | st.integers(-5, 1000)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "date",
            "x-ratelimit-reset",
            "x-ratelimit-remaining",
            "x-business-use-case-usage",
            "x-ad-account-usage",
            "x-app-usage",
        ]
    ),
    st.text(max_size=30)
    | st.sampled_from(["5", "-1", "1e999", "Sun, 99 Foo 0 0:0:0", "\udcff"])
    | st.sampled_from(
        ['{"a":[{"estimated_time_to_regain_access":1e308}]}', '{"acc_id_util_pct":100,"reset_time_duration":1e308}']
    ),
)
WORDS = st.sampled_from(
    ["processed", "failed", "INVALID_ARGUMENT", "events[0].x", "events[99999].x", "37s", "$['data'][0]", "CANARY"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
GOLDEN_ROWS = [
    (destination, case["settings"], row)
    for destination, _, case in golden_cases()
    for row in case.get("replies", ())
    if "body" in row
]


def sane(verdicts: tuple[Any, ...], status: int) -> None:
    """Assert what must hold of any verdicts: bounded waits, real codes, and no delivery without the platform's word."""
    for verdict in verdicts:
        assert PlatformCode.PATTERN.fullmatch(getattr(verdict, "code", None) or "x")
        assert Receipt.PATTERN.fullmatch(getattr(verdict, "receipt", None) or "x")
        if isinstance(verdict, Throttle | Retry | Pause | Delivered) and verdict.after is not None:
            assert 0 <= verdict.after <= (6 * 3600 if verdict.reason is Reason.HELD else 3600)
        if isinstance(verdict, Delivered):
            assert 200 <= status < 300 or status == 422


@EVERY
@given(status=STATUSES, headers=HEADERS, body=st.binary(max_size=200), count=st.integers(1, 5))
@example(status=400, headers={}, body=b'{"error":{"code":1' + b"0" * 5000 + b"}}", count=2)
@example(status=400, headers={}, body=b'{"code":1' + b"0" * 5000 + b"}", count=2)
@example(status=200, headers={}, body=b'{"events_received":1e400,"events":1e400}', count=2)
@example(status=200, headers={"x-app-usage": "\udcff"}, body=b'{"events_received":2}', count=2)
@example(status=400, headers={}, body=b'{"error":{"details":' + b"[" * 100_000, count=2)
@example(status=422, headers={}, body=b'{"code":1,"details":' + b'{"events":' * 100_000, count=2)
@example(status=400, headers={}, body=b'{"error":{"code":100,"error_user_msg":"\xff\xfe\\ud800"}}', count=1)
def test_any_bytes_mean_something(
    destination: Destination, status: int, headers: dict[str, str], body: bytes, count: int
) -> None:
    """Whatever arrives, there is exactly one verdict for each event and no exception."""
    verdicts = made(destination).interpret(Reply(status, headers, body), count)
    assert len(verdicts) == count
    sane(verdicts, status)
    assert made(destination).warnings(Reply(status, headers, body)) >= 0


def bent(node: Any, data: st.DataObject) -> Any:
    """Replace one random part of a JSON value by another JSON value."""
    if isinstance(node, dict) and node and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(node)))
        return {**node, key: bent(node[key], data)}
    if isinstance(node, list) and node and data.draw(st.integers(0, 3)):
        at = data.draw(st.integers(0, len(node) - 1))
        return [*node[:at], bent(node[at], data), *node[at + 1 :]]
    return data.draw(JSON)


@given(row=st.sampled_from(GOLDEN_ROWS), status=STATUSES, headers=HEADERS, count=st.integers(1, 4), data=st.data())
def test_near_misses_mean_something(
    row: tuple[Destination, dict[str, Any], dict[str, Any]],
    status: int,
    headers: dict[str, str],
    count: int,
    data: st.DataObject,
) -> None:
    """A real reply with any one part replaced still gives exactly one verdict for each event."""
    destination, its, golden = row
    kept = data.draw(st.sampled_from([status, golden["status"]]))
    reply = Reply(kept, headers, json.dumps(bent(golden["body"], data)).encode())
    verdicts = made(destination, **its).interpret(reply, count)
    assert len(verdicts) == count
    sane(verdicts, kept)
    assert made(destination, **its).warnings(reply) >= 0


@EVERY
@given(
    status=STATUSES,
    headers=HEADERS,
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    count=st.integers(1, 5),
)
@example(
    status=200,
    headers={},
    body=b'{"requestStatusPerDestination":[{"errorInfo":{"errorCounts":[{"recordCount":1e999}]}}]}',
    count=2,
)
def test_any_later_word_means_something(
    destination: Destination, status: int, headers: dict[str, str], body: bytes, count: int
) -> None:
    """Whatever is answered to the question what became of a request, it counts no event twice and raises nothing."""
    told = made(destination).read_processed(Reply(status, headers, body), count)
    if isinstance(told, Processed):
        assert all(PlatformCode.PATTERN.fullmatch(code or "x") and many > 0 for _, code, many in told.counts)
        assert sum(many for _, _, many in told.counts) in (0, count)
        assert told.final or told.counts
    else:
        sane((told,), status)


@EVERY
def test_who_tells_later_is_asked_with_the_receipt(destination: Destination) -> None:
    """Google is asked by a GET that holds the receipt, escaped; the others have said all, and are never asked."""
    asked = made(destination).ask_after(Receipt("a+b/c=d:e"))
    if destination is not Destination.GOOGLE_ADS:
        assert asked is None
        assert made(destination).read_processed(Reply(200, {}, b"{}"), 3) == Processed(final=True)
        return
    assert asked is not None
    assert (asked.method, asked.body) == ("GET", b"")
    assert asked.path == "/v1/requestStatus:retrieve?requestId=a%2Bb%2Fc%3Dd%3Ae"
    assert made(destination, validate_only=True).ask_after(Receipt("r")) is None


def with_every_text(node: Any, words: str) -> Any:
    """Replace every text for people in a reply: those under the keys that carry messages."""
    if isinstance(node, list):
        return [with_every_text(child, words) for child in node]
    if not isinstance(node, dict):
        return node
    messages = (
        "message",
        "description",
        "error_user_msg",
        "error_user_title",
        "error_message",
        "warning_message",
        "stringValue",
    )
    return {key: words if key in messages else with_every_text(child, words) for key, child in node.items()}


def test_texts_go_nowhere() -> None:
    """A platform's messages, which may repeat tokens and request bodies, are in no verdict."""
    seen = 0
    for destination, its, row in GOLDEN_ROWS:
        spoken = {**row, "body": with_every_text(row["body"], "CANARY")}
        seen += "CANARY" in json.dumps(spoken)
        assert "CANARY" not in repr(made(destination, **its).interpret(golden_reply(spoken), 3))
    assert seen > 20


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a JSON value: each leaf with the key that it stands under."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from leaves(child, name)
    elif isinstance(node, list):
        for child in node:
            yield from leaves(child, key)
    else:
        yield key, node


def own_digest(event: Minimised, destination: Destination) -> str | None:
    """The only digest that may serve a destination."""
    return getattr(event.email, destination.value, None)


def not_allowed(event: Minimised, destination: Destination) -> set[str]:
    """All that an event holds and that the shipped settings keep from a destination."""
    email, click = event.email, event.click
    digests = set(email.distinct()) if email else set()
    clicks = {getattr(click, name) for name in click.__struct_fields__} if click else set()
    reserved: set[Any] = (digests - {own_digest(event, destination)}) | clicks | {event.user_agent}
    if destination is Destination.GOOGLE_ADS:
        reserved |= {event.ip, event.page_origin}
    return reserved - {None}


@EVERY
@given(event=EVENTS)
def test_only_what_is_allowed_leaves(destination: Destination, event: Minimised) -> None:
    """With shipped settings no user agent, click id or other platform's digest leaves; to Google no address and no page."""
    body = orjson.loads(made(destination).build([event]).body)
    sent = {value for key, value in leaves(body) if key not in ("event_id", "transactionId")}
    assert not sent & not_allowed(event, destination)
    assert own_digest(event, destination) in sent | {None}


@EVERY
@given(event=EVENTS)
def test_a_refusal_is_judged_on_what_would_leave(destination: Destination, event: Minimised) -> None:
    """An event that may only be known by what the settings keep back is refused, and taken once they allow it."""
    refused = made(destination).refuses(event)
    assert refused in (None, Refusal.NO_IDENTITY)
    if own_digest(event, destination):
        assert refused is None
    click, known = event.click, False
    if destination is Destination.META:
        known = bool(event.ip or (click and (click.fbc or click.fbp)))
    elif destination is Destination.PINTEREST:
        known = bool(event.ip and event.user_agent)
    elif click:
        known = bool(click.gclid or click.wbraid or click.gbraid)
    allowed = made(destination, **ALL_ALLOWED[destination]).refuses(event)
    assert allowed is (None if known or own_digest(event, destination) else Refusal.NO_IDENTITY)


@EVERY
def test_a_kind_that_is_not_configured_is_refused(destination: Destination) -> None:
    """A kind of event that the settings leave out is refused before anything else is asked."""
    only: Mapping[str, Any] = (
        {"conversion_actions": {"purchase": "1"}} if destination is Destination.GOOGLE_ADS else {"events": ["purchase"]}
    )
    basket, agent_only = golden_events(["basket", "agent_only"])
    assert made(destination).refuses(basket) is None
    assert made(destination, **only).refuses(basket) is Refusal.NOT_ENABLED
    assert made(destination, **only).refuses(agent_only) is Refusal.NOT_ENABLED


@EVERY
@given(events=st.lists(EVENTS, min_size=1, max_size=5))
def test_a_request_has_an_event_for_each_event(destination: Destination, events: list[Minimised]) -> None:
    """A request carries the events in their order, under a path that begins with a slash, the same bytes every time."""
    adapter = made(destination)
    request = adapter.build(events)
    body = orjson.loads(request.body)
    times = [entry.get("event_time", entry.get("eventTimestamp")) for entry in body["data" if "data" in body else "events"]]
    assert len(times) == len(events)
    assert [time for time in times if isinstance(time, int)] in ([], [event.occurred_at for event in events])
    assert request.path.startswith("/")
    assert adapter.build(events) == request


@EVERY
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_a_success(destination: Destination, status: int) -> None:
    """A redirect pauses the destination whatever its body says."""
    best = [(its, golden_reply(row)) for owner, its, row in GOLDEN_ROWS if owner is destination and row["status"] == 200]
    for its, reply in best:
        verdicts = made(destination, **its).interpret(Reply(status, reply.headers, reply.body), 3)
        assert verdicts == (Pause(Reason.REDIRECTED, PlatformCode(f"http-{status}")),) * 3


def test_the_tuple_names_every_destination_once() -> None:
    """Each destination of the model has exactly one adapter, and its shipped host is one of its own hosts over TLS."""
    assert [adapter.destination for adapter in ADAPTERS] == list(Destination)
    for adapter in ADAPTERS:
        base = adapter.Settings(**LEAST_SETTINGS[adapter.destination]).base_url
        assert base.startswith("https://")
        assert base.removeprefix("https://") in adapter.hosts


MARKS: Mapping[Destination, str] = {Destination.META: "LDU", Destination.PINTEREST: "LDP"}
"""How a platform is told that a person opted out; Google cannot be told."""
UNMARKED: Mapping[Destination, set[str]] = {
    Destination.META: {"VA", "UT", "IA", "TN", "IN", "KY"},
    Destination.PINTEREST: set(),
    Destination.GOOGLE_ADS: {*UsState},
}
"""The states for which a platform has no mark."""


@EVERY
@given(event=EVENTS, state=st.sampled_from(UsState))
def test_who_opted_out_is_marked_or_refused(destination: Destination, event: Minimised, state: UsState) -> None:
    """A restricted event goes nowhere without the platform's mark, and no other event has one."""
    adapter = made(destination, **ALL_ALLOWED[destination])
    restricted = msgspec.structs.replace(event, restricted=state)
    if state in UNMARKED[destination]:
        assert adapter.refuses(restricted) is Refusal.RESTRICTION_UNSUPPORTED
    else:
        assert adapter.refuses(restricted) is adapter.refuses(event)
        assert MARKS[destination] in {value for _, value in leaves(orjson.loads(adapter.build([restricted]).body))}
    assert not {*MARKS.values()} & {
        value for _, value in leaves(orjson.loads(adapter.build([event]).body)) if value != event.event_id
    }


@EVERY
@given(event=EVENTS)
def test_products_and_paths_leave_only_where_they_are_asked_for(destination: Destination, event: Minimised) -> None:
    """With shipped settings neither is in a request; with all allowed Meta and Pinterest get both, Google none."""
    full = msgspec.structs.replace(
        event,
        content_ids=(ContentId("canary:1"), ContentId("canary:2")),
        page_origin=PageOrigin("https://shop.example"),
        page_path=PagePath("/canary/path"),
    )
    assert b"canary" not in made(destination).build([full]).body
    body = orjson.loads(made(destination, **ALL_ALLOWED[destination]).build([full]).body)
    told = [value for _, value in leaves(body) if "canary" in str(value)]
    asked = ["https://shop.example/canary/path", "canary:1", "canary:2"]
    assert told == ([] if destination is Destination.GOOGLE_ADS else asked)


@pytest.mark.parametrize("destination", [Destination.META, Destination.PINTEREST])
def test_a_path_without_an_origin_is_a_fault(destination: Destination) -> None:
    """The two settings contradict each other, and the fault says so."""
    with pytest.raises(ValueError, match="send_page_path: needs send_page_origin"):
        made(destination, send_page_origin=False, send_page_path=True)


@EVERY
def test_shipped_needs_are_the_policy(destination: Destination) -> None:
    """With shipped settings a destination needs no user agent and no click id, and Google nothing but e-mail and money."""
    needs = made(destination).needs
    assert (needs.user_agent, needs.click_ids, needs.email, needs.money) == ("none", frozenset(), True, True)
    assert (needs.content_ids, needs.page_path) == (False, False)
    assert (needs.ip, needs.page_origin) == ((destination is not Destination.GOOGLE_ADS,) * 2)


@EVERY
@pytest.mark.parametrize("wrong", [0, 5000])
def test_batch_sizes_stay_within_the_platform(destination: Destination, wrong: int) -> None:
    """A batch size that the platform would refuse is a fault in the settings."""
    with pytest.raises(ValueError, match="batch_events"):
        made(destination, batch_events=wrong)


def test_a_fault_in_the_settings_never_repeats_the_value() -> None:
    """A token that was pasted where an id belongs is not shown in the fault."""
    for destination, field in zip(Destination, ("pixel_id", "ad_account_id", "operating_account"), strict=True):
        with pytest.raises(ValueError, match=field) as raised:
            made(destination, **{field: "EAAGsecret"})
        assert "must be" in str(raised.value)
        assert "EAAGsecret" not in str(raised.value)


def test_golden_events_are_born() -> None:
    """The golden events pass the model's own checks, so a case cannot hold what could never be stored."""
    with pytest.raises(ValueError, match="TruncatedIp"):
        born(
            Minimised,
            {"kind": "purchase", "event_id": "1", "occurred_at": 1, "destinations": [], "consent_at": 1, "ip": "203.0.113.77"},
        )


# ── rehearsals ───────────────────────────────────────────────────────────────────────────────────────────────────

SWITCHES = {Destination.META: None, Destination.PINTEREST: "test", Destination.GOOGLE_ADS: "validateOnly"}
"""What a rehearsal without a test code switches on; Meta has nothing that could be."""
NAMING = re.compile(rb"client_ip|user_agent|source_url|gclid|gbraid|wbraid|fbc|fbp|click_id")


@EVERY
@pytest.mark.parametrize("settings", [LEAST_SETTINGS, ALL_ALLOWED])
def test_a_rehearsal_is_sent_as_a_test_and_by_nobody(
    destination: Destination, settings: Mapping[Destination, dict[str, Any]]
) -> None:
    """The platform's switch is on or the event is too old; nothing but a reserved address's digest could name anybody."""
    adapter = made(destination, **settings[destination])
    rehearsal = adapter.rehearsal(None)
    assert rehearsal.adapter.test_mode == SWITCHES[destination]
    assert (rehearsal.adapter.test_mode is None) is (rehearsal.proof is not None) is (rehearsal.age > adapter.limits.max_age)
    events = samples(rehearsal, destination, 1_795_342_500)
    assert 1 <= len(events) <= rehearsal.adapter.limits.batch_events
    assert [rehearsal.adapter.refuses(event) for event in events] == [None] * len(events)
    request = rehearsal.adapter.build(events)
    assert request.body.count(NOBODY.encode()) == len(events)
    assert not NAMING.search(request.body)
    assert adapter == made(destination, **settings[destination])


def test_metas_test_code_is_for_the_rehearsal_alone() -> None:
    """The one that is given counts before the configured one, and neither stays anywhere."""
    for configured, told, used in ((None, "T1", "T1"), ("T2", None, "T2"), ("T2", "T1", "T1")):
        adapter = made(Destination.META, test_event_code=configured)
        rehearsal = adapter.rehearsal(told)
        body = orjson.loads(rehearsal.adapter.build(samples(rehearsal, Destination.META, 1_795_342_500)).body)
        assert (body["test_event_code"], rehearsal.age, rehearsal.proof) == (used, 0, None)
        assert adapter.test_mode == ("test_event_code" if configured else None)
    for destination in (Destination.PINTEREST, Destination.GOOGLE_ADS):
        assert made(destination).rehearsal("T1") == made(destination).rehearsal(None)


def test_google_is_asked_about_the_kinds_that_have_an_action() -> None:
    """In the order of the kinds, whatever the order of the settings."""
    adapter = made(Destination.GOOGLE_ADS, conversion_actions={"page_view": "13", "purchase": "11"})
    assert [kind.value for kind in adapter.rehearsal(None).kinds] == ["purchase", "page_view"]


@pytest.mark.parametrize(
    ("transport", "proof"), [("data_manager", None), ("ads_api", "conversionUploadError.UNPARSEABLE_GCLID")]
)
def test_google_is_asked_without_an_address_where_none_may_go(transport: str, proof: str | None) -> None:
    """An account that takes no addresses would refuse what it is never sent; a click id that was never given out stands in."""
    adapter = made(Destination.GOOGLE_ADS, transport=transport, send_email=False, send_click_ids=True)
    rehearsal = adapter.rehearsal(None)
    events = samples(rehearsal, Destination.GOOGLE_ADS, 1_795_342_500)
    assert [rehearsal.adapter.refuses(event) for event in events] == [None] * 3
    body = rehearsal.adapter.build(events).body
    assert NOBODY.encode() not in body
    assert body.count(b'"gclid":"no-click-a-rehearsal"') == 3
    assert (rehearsal.adapter.test_mode, rehearsal.proof) == ("validateOnly", proof)


ANY_TEXTS: Final = st.fixed_dictionaries(
    {
        "user_agent": st.none() | matching(UserAgent),
        "content_ids": st.lists(matching(ContentId), max_size=2).map(tuple),
        "click": st.builds(ClickIds, gclid=matching(GoogleClickId), epik=matching(PinterestClickId)),
    }
)
"""The texts of somebody's own making that may cross the boundary, beside the event's id."""


@pytest.mark.parametrize(
    ("destination", "more"),
    [*((destination, {}) for destination in Destination), (Destination.GOOGLE_ADS, {"transport": "ads_api"})],
)
@given(event=EVENTS, texts=ANY_TEXTS)
def test_what_passes_the_boundary_the_contract_lets_out(
    destination: Destination, more: Mapping[str, Any], event: Minimised, texts: Mapping[str, Any]
) -> None:
    """With every option on. Else a whole event would be set aside for an odd value that could have been left out."""
    assume(re.fullmatch(KINDS["event_id"].pattern, event.event_id))  # the shop's own, so not the boundary's to leave out
    digests = EmailDigests(*[EmailDigest("0" * 64)] * 3)  # so that nobody refuses it
    whole = msgspec.structs.replace(event, email=digests, **texts)
    adapter = made(destination, **ALL_ALLOWED[destination], **more)
    assert adapter.refuses(whole) is None
    contract = contract_of(destination, "https://platform.example")
    outgoing = compose("https://platform.example", adapter.build([whole]), Access(Secret("t")))
    assert isinstance(contract.check(outgoing, 1), Cleared)
