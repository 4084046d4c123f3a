"""Before anything is sent it is known whether adapter and contract agree, and that the contract would notice if not."""

from typing import Any

import orjson
import pytest

from gateway.delivery.contract import Cleared, Contract, Outgoing
from gateway.delivery.contract_body import Place
from gateway.delivery.contract_file import read
from gateway.delivery.proving import disagreements, places_of, samples, unnoticed, written_out
from gateway.model.words import Destination, Kind
from tests.adapters.cases import ALL_ALLOWED, SHIPPED, contract_of, made
from tests.gateway.delivery.clearing import HEAD, field, request
from tests.gateway.delivery.payloads import HOSTS

SETTINGS: list[tuple[Destination, dict[str, Any]]] = [
    *((destination, {}) for destination in Destination),
    *ALL_ALLOWED.items(),
    (Destination.META, {"batch_events": 1, "test_event_code": "TEST1"}),
    (Destination.PINTEREST, {"test": True}),
    (Destination.GOOGLE_ADS, {"transport": "ads_api", "send_click_ids": True, "login_account": "9876543210"}),
    (Destination.GOOGLE_ADS, {"quota_project": "123456789012", "transaction_ids": "as_is"}),
    (Destination.GOOGLE_ADS, {"quota_project": "my-project-1", "validate_only": True, "login_account": "9876543210"}),
]


def rehearsed(destination: Destination, most: int | None = None, **settings: Any) -> list[tuple[Outgoing, int]]:
    """Write a destination's samples, `most` a request."""
    adapter = made(destination, **settings)
    base_url = "https://googleads.googleapis.com" if settings.get("transport") == "ads_api" else HOSTS[destination]
    return list(written_out(adapter, base_url, adapter.secrets, most))


@pytest.mark.parametrize(("destination", "settings"), SETTINGS, ids=str)
def test_adapters_and_shipped_contracts_agree(destination: Destination, settings: dict[str, Any]) -> None:
    """With whatever the settings let out and the option for it; and every field in the samples would be missed."""
    requests, contract = rehearsed(destination, **settings), contract_of(destination)
    assert disagreements(requests, contract) == []
    assert unnoticed(requests, contract) == unnoticed(requests, contract, small=rehearsed(destination, 1, **settings)) == []


def test_with_everything_on_every_option_and_kind_is_rehearsed() -> None:
    """The samples have each optional value in each of its forms, so that none first turns up in production."""
    for destination in (Destination.META, Destination.PINTEREST):
        requests = rehearsed(destination, **ALL_ALLOWED[destination])
        used = {place for one in requests for place in places_of(contract_of(destination).check(*one))}
        left = {entry.place for entry in contract_of(destination).event_entries} - used
        assert left <= {"test_event_code=test_code", "?test=one_of", "?appsecret_proof=hmac_sha256"}


def test_what_is_not_allowed_is_named() -> None:
    """By key path and kind, so that the configuration's fault can say which option is missing."""
    found = disagreements(rehearsed(Destination.META, client_user_agent="full"), Contract(SHIPPED[Destination.META]))
    assert found == [Place("data[].user_data.client_user_agent", "text")]


def test_a_contract_that_guards_nothing_is_found_out() -> None:
    """Two kinds of value that overlap: without either, the other still lets the value through."""
    file = read(HEAD + request("e", "POST", "/e", field("ids[]", "event_id"), field("ids[]", "content_id"), events="ids[]"))
    contract, requests = Contract(file), [(posted(["1001"]), 1)]
    assert isinstance(contract.check(*requests[0]), Cleared)
    assert unnoticed(requests, contract) == unnoticed(requests, contract, small=requests) == ["ids[]=event_id"]


def test_what_no_small_request_shows_the_whole_one_does() -> None:
    """The small request has a value that two kinds allow; the whole one has another beside it, which only one of them does."""
    fields = (field("ids[]", "google_click_id"), field("ids[]", "content_id"))
    contract = Contract(read(HEAD + request("e", "POST", "/e", *fields, events="ids[]")))
    small = [(posted(["x" * 20]), 1)]
    whole = [(posted(["x" * 20, "y" * 80]), 2)]
    assert unnoticed(small, contract, small=small) == ["ids[]=google_click_id"]
    assert unnoticed(whole, contract, small=small) == []


def posted(ids: list[str]) -> Outgoing:
    """Write a request with a list of ids."""
    return Outgoing("POST", "https://platform.example", "/e", headers(), orjson.dumps({"ids": ids}))


def headers() -> tuple[tuple[str, str], ...]:
    """Write the usual headers."""
    return next(iter(rehearsed(Destination.META)))[0].headers


def test_samples_are_of_every_kind() -> None:
    """No kind of event is first written in production."""
    assert {event.kind for event in samples()} == set(Kind)
