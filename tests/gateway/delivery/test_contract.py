"""One field, one header, one host at a time: what the contract does not name does not leave, and nobody learns a value."""

import random
from collections.abc import Callable
from typing import Any, Final

import msgspec
import orjson
import pytest

from gateway.delivery.contract import Cleared, Contract, Outgoing, Violation, host_and_port
from gateway.delivery.contract_body import Place
from gateway.model.words import Destination
from tests.adapters.cases import SHIPPED, contract_of
from tests.gateway.delivery.payloads import FIXED, PAYLOADS, Payload, injected, outgoing_of

CHECKED: Final = [pytest.param(payload, id=payload.name) for payload in PAYLOADS]


def violation(payload: Payload, outgoing: Outgoing) -> Violation:
    """Have a changed request refused."""
    found = contract_of(payload.destination).check(outgoing, payload.count)
    assert isinstance(found, Violation)
    return found


@pytest.mark.parametrize("payload", CHECKED)
def test_what_our_adapters_write_is_cleared_as_it_is(payload: Payload) -> None:
    """Every golden request passes with every option on; what is sent is the very object that was checked."""
    outgoing = outgoing_of(payload)
    found = contract_of(payload.destination).check(outgoing, payload.count)
    assert isinstance(found, Cleared)
    assert found.outgoing is outgoing
    assert len(found.shapes) == payload.count


@pytest.mark.parametrize("payload", CHECKED)
def test_each_field_that_is_left_out_is_missed(payload: Payload) -> None:
    """With any one entry taken out of the contract, exactly the requests that use it are refused."""
    contract, outgoing = contract_of(payload.destination), outgoing_of(payload)
    found = contract.check(outgoing, payload.count)
    assert isinstance(found, Cleared)
    used = {place for shape in found.shapes for place in shape.split()}
    entries = contract.entries_for(outgoing)
    assert used <= {entry.place for entry in entries}
    for entry in entries:
        refused = isinstance(contract.without(entry).check(outgoing, payload.count), Violation)
        assert refused is (entry.place in used), entry.place


def test_ten_thousand_injections_are_caught() -> None:
    """Extra keys, clear e-mail addresses, whole IP addresses, free text, other kinds, repeats: none gets past, anywhere."""
    dice = random.Random(20_261_125)  # noqa: S311 - a seed, so that a failure can be repeated
    contracts = {destination: contract_of(destination) for destination in Destination}
    for number in range(10_000):
        payload = PAYLOADS[number % len(PAYLOADS)]
        what, outgoing = injected(payload, dice)
        found = contracts[payload.destination].check(outgoing, payload.count)
        assert isinstance(found, Violation), (number, payload.name, what)


@pytest.mark.parametrize("destination", Destination)
def test_a_violation_names_no_value(destination: Destination) -> None:
    """However a canary gets into a request, the report has paths and kinds only: in text, repr and every place."""
    canary = "canary-9c1e@example.com"
    payload = next(one for one in PAYLOADS if one.destination is destination)
    body = orjson.loads(payload.body)
    events = next(value for value in body.values() if isinstance(value, list) and isinstance(value[0], dict))
    for where in (body, events[0]):
        for change in ({canary: 1}, {"x": canary}, {canary: {canary: [canary]}}):
            where_before = dict(where)
            where.update(change)
            found = violation(payload, outgoing_of(payload, body=orjson.dumps(body)))
            assert canary not in repr(found) + str(found) + "".join(map(str, found.places))
            assert "canary" not in repr(found)
            where.clear()
            where.update(where_before)
    headers = (*outgoing_of(payload).headers, (canary, canary))
    changes: tuple[dict[str, Any], ...] = (
        {"headers": headers},
        {"target": f"/x?{canary}={canary}"},
        {"target": outgoing_of(payload).target + f"?{canary}={canary}"},
        {"origin": f"https://{canary}"},
        {"method": canary},
    )
    for changed in changes:
        found = violation(payload, msgspec.structs.replace(outgoing_of(payload), **changed))
        assert "canary" not in repr(found) + "".join(map(str, found.places))


# ── around the body ──────────────────────────────────────────────────────────────────────────────────────────────

META: Final = next(payload for payload in PAYLOADS if payload.name == "meta-least")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"origin": "https://graph.facebook.com.example"}, Place("host", "(unknown)")),
        ({"origin": "http://graph.facebook.com"}, Place("host", "(unknown)")),
        ({"origin": "https://graph.facebook.com:8443"}, Place("host", "(unknown)")),
        ({"method": "GET"}, Place("path", "(unknown)")),
        ({"method": "PUT"}, Place("path", "(unknown)")),
        ({"target": "/v26.0/1234567890123456/events/x"}, Place("path", "(unknown)")),
        ({"target": "/v26.0/me/events"}, Place("path", "(unknown)")),
        ({"target": "/v26.0/1234567890123456/events?"}, Place("?(unknown)", "text")),
        ({"target": "/v26.0/1234567890123456/events?access_token=x"}, Place("?(unknown)", "text")),
        ({"target": f"/v26.0/1234567890123456/events?appsecret_proof={'a' * 63}"}, Place("?appsecret_proof", "text")),
        (
            {"target": f"/v26.0/1234567890123456/events?appsecret_proof={'a' * 64}&appsecret_proof={'a' * 64}"},
            Place("?appsecret_proof", "repeated"),
        ),
        ({"target": f"/v26.0/1234567890123456/events?appsecret_proof={'a' * 64}#x"}, Place("?appsecret_proof", "null")),
        ({"headers": (*FIXED, ("X-Forwarded-For", "203.0.113.77"))}, Place("header:(unknown)", "address")),
        ({"headers": (*FIXED, ("Cookie", "a=b"))}, Place("header:(unknown)", "text")),
        ({"headers": (*FIXED[:-1], ("Authorization", "Basic x"))}, Place("header:authorization", "text")),
        ({"headers": (*FIXED[:-1], ("Authorization", "Bearer a b"))}, Place("header:authorization", "text")),
        ({"headers": (*FIXED, ("accept", "application/json"))}, Place("header:accept", "repeated")),
        ({"headers": (("User-Agent", "Mozilla/5.0"),)}, Place("header:user-agent", "text")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_around_the_body_is_checked(changes: dict[str, Any], place: Place) -> None:
    """Host, method, path, query and headers have to be the contract's; the fault is the request's and no event's."""
    found = violation(META, msgspec.structs.replace(outgoing_of(META), **changes))
    assert found.request == (place,)
    assert not found.events


def test_a_host_is_meant_with_its_usual_port_too() -> None:
    """`https://host` and `https://host:443` are the same place."""
    changed = msgspec.structs.replace(outgoing_of(META), origin="https://graph.facebook.com:443")
    assert isinstance(contract_of(Destination.META).check(changed, META.count), Cleared)


def test_a_test_endpoint_stands_in_for_the_platforms_hosts() -> None:
    """With one, nothing goes to the platform; without, nothing goes to the test endpoint."""
    there = "http://127.0.0.1:8091"
    testing = contract_of(Destination.META, there)
    moved = msgspec.structs.replace(outgoing_of(META), origin=there)
    assert isinstance(testing.check(moved, META.count), Cleared)
    assert isinstance(testing.check(outgoing_of(META), META.count), Violation)
    assert isinstance(contract_of(Destination.META).check(moved, META.count), Violation)
    assert (testing.is_test, contract_of(Destination.META).is_test) == (True, False)


def test_hosts_are_those_of_requests_and_tokens_apart() -> None:
    """What a connection may be opened to, and what tokens may be asked of; test endpoints stand in for each."""
    google = contract_of(Destination.GOOGLE_ADS)
    assert google.hosts == {("datamanager.googleapis.com", 443), ("googleads.googleapis.com", 443)}
    assert google.token_hosts == {("oauth2.googleapis.com", 443)}
    tested = Contract(google.file, endpoint="http://[::1]:8093", token_endpoint="http://LOCALHOST")
    assert (set(tested.hosts), set(tested.token_hosts)) == ({("::1", 8093)}, {("localhost", 80)})
    assert contract_of(Destination.META).token_hosts == frozenset()


@pytest.mark.parametrize("origin", ["", "graph.facebook.com", "ftp://x", "https://a/b", "https://a@b", "https://a:1:2"])
def test_what_is_no_origin_has_no_host(origin: str) -> None:
    """Rather an error than a guess."""
    with pytest.raises(ValueError, match="origin"):
        host_and_port(origin)


def test_a_question_carries_no_event_and_no_body() -> None:
    """Google is asked after a request by its number alone."""
    google = contract_of(Destination.GOOGLE_ADS)
    asked = Outgoing("GET", "https://datamanager.googleapis.com", "/v1/requestStatus:retrieve?requestId=Cg%3D%3D", FIXED, b"")
    found = google.check(asked, 0)
    assert isinstance(found, Cleared)
    assert found.shapes == ()
    with_body = google.check(msgspec.structs.replace(asked, body=b"{}"), 0)
    assert isinstance(with_body, Violation)
    assert with_body.request == (Place("body", "(unknown)"),)


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("destination", Destination)
def test_options_are_off_unless_they_are_allowed(destination: Destination) -> None:
    """As shipped, nothing leaves that has an option; each option lets out its own fields and no others."""
    file = SHIPPED[destination]
    assert not [entry for entry in Contract(file).entries if entry.option]
    for option in file.options:
        allowed = {entry.option for entry in Contract(file, [option]).entries}
        assert allowed == {None, option}


def test_an_option_that_is_off_is_named_for_what_it_would_let_out() -> None:
    """So that a configuration's fault says which line is missing."""
    contract = Contract(SHIPPED[Destination.GOOGLE_ADS])
    assert contract.options_at("events[].adIdentifiers") == ["click_id"]
    assert contract.options_at("events[].adIdentifiers.gclid") == ["click_id"]
    assert contract.options_at("events[].adIdent") == []
    assert contract.options_at("events[].currency") == []
    assert Contract(SHIPPED[Destination.GOOGLE_ADS], ["click_id"]).options_at("events[].adIdentifiers") == []


@pytest.mark.parametrize("destination", Destination)
def test_a_live_check_turns_on_its_test_switch_and_nothing_else(destination: Destination) -> None:
    """Its events are nobody's; what the storefront allowed stays, what it did not allow stays off."""
    file = SHIPPED[destination]
    (switch,) = file.live_check
    checking = Contract(file, ["click_id"], endpoint="http://127.0.0.1:1").for_live_check()
    assert checking.allowed == {"click_id", switch}
    assert checking.hosts == {("127.0.0.1", 1)}


# ── a type of its own ────────────────────────────────────────────────────────────────────────────────────────────


def test_only_a_contract_clears_a_request() -> None:
    """The transport's only argument cannot be made by anybody else."""
    with pytest.raises(TypeError, match="only a contract"):
        Cleared(outgoing_of(META), (), object())


def test_what_is_about_to_leave_does_not_print() -> None:
    """Neither body nor token is in the text of a request."""
    assert repr(outgoing_of(META)) == f"<Outgoing of {len(META.body)} bytes>"


SPOILT: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda body: body + b"x",
    lambda body: body + b"{}",
    lambda body: body[:-1],
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body.replace(b"website", b"web\xffite"),
    lambda body: body.replace(b'"event_time":', b'"event_time":1' + b"0" * 5000 + b","),
    lambda _: b"[" * 100_000,
    lambda _: b"null",
    lambda _: b"[]",
    lambda _: b"",
)


@pytest.mark.parametrize("number", range(len(SPOILT)))
def test_bytes_that_are_no_such_json_do_not_leave(number: int) -> None:
    """Trailing bytes, a cut end, a mark in front, invalid UTF-8, a giant number, endless nesting, something else."""
    assert violation(META, outgoing_of(META, body=SPOILT[number](META.body))).request


@pytest.mark.parametrize("count", [0, META.count + 1, META.count - 1 or 7])
def test_events_are_counted(count: int) -> None:
    """A request has as many events as were handed over, or it stays."""
    found = contract_of(Destination.META).check(outgoing_of(META), count)
    assert isinstance(found, Violation)
    assert found.request == (Place("data[]", "miscounted"),)


def test_no_more_events_leave_than_a_request_may_have() -> None:
    """The contract's bound holds for what is written as usual, too."""
    (event,) = orjson.loads(META.body)["data"]
    contract = contract_of(Destination.META)
    full = outgoing_of(META, body=orjson.dumps({"data": [event] * 1000}))
    over = outgoing_of(META, body=orjson.dumps({"data": [event] * 1001}))
    assert isinstance(contract.check(full, 1000), Cleared)
    found = contract.check(over, 1001)
    assert isinstance(found, Violation)
    assert found.request == (Place("data[]", "miscounted"),)
