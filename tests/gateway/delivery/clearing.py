"""Contracts for the requests that the delivery tests make up, so that even theirs go through one."""

from typing import Final

from gateway.adapter import Access, Request
from gateway.delivery.contract import Cleared, Contract, host_and_port
from gateway.delivery.contract_file import read
from gateway.delivery.outgoing import compose

USUAL_HEADERS: Final = "".join(
    f"""
[[requests.fields]]
path = "header:{name}"
kind = "{kind}"
{f'values = ["{value}"]' if value else ""}
policy = "technical"
why = "Every request has it."
"""
    for name, kind, value in (
        ("accept", "one_of", "application/json"),
        ("accept-encoding", "one_of", "identity"),
        ("content-type", "one_of", "application/json"),
        ("user-agent", "one_of", "consent-gateway"),
        ("authorization", "bearer_token", None),
    )
)

HEAD: Final = """
title = "A platform of the tests"
destination = "meta"
version = 7
approved_on = 2026-11-25
approved_by = "The tests"
"""


def field(path: str, kind: str, values: str = "") -> str:
    """Write one field."""
    listed = f"values = {values}\n" if values else ""
    return f'[[requests.fields]]\npath = "{path}"\nkind = "{kind}"\n{listed}policy = "technical"\nwhy = "The tests send it."\n'


def request(name: str, method: str, path: str, *fields: str, events: str = "") -> str:
    """Write one kind of request, with the headers that every request has."""
    where = f'method = "{method}"\nhosts = ["platform.example"]\npath = "{path}"\n'
    top = f'[[requests]]\nname = "{name}"\npurpose = "A test."\n{where}'
    listed = f'events = "{events}"\n[requests.lists]\n"{events}" = 1000\n' if events else ""
    return "\n".join([top + listed, *fields, USUAL_HEADERS])


PLAIN: Final = read(
    HEAD
    + request("events", "POST", "/events", field("?v", "number_id"), field("ids[]", "event_id"), events="ids[]")
    + request("status", "GET", "/status", field("?receipt", "receipt"))
)
"""What the scripted platform of `scene` takes, and what it can be asked."""

ODD: Final = read(
    HEAD
    + request(
        "events",
        "POST",
        "/v1/events",
        field("?a", "one_of", '["/1"]'),
        field("?b", "one_of", '["{x}"]'),
        field("data[]", "event_id"),
        events="data[]",
    )
    + request(
        "look",
        "GET",
        "/a",
        field("?b", "number_id"),
        field("?proof", "one_of", '["ab+1"]'),
        field("header:login-customer-id", "customer_id"),
        field("header:developer-token", "secret"),
    )
)
"""What the transport's tests send."""


def cleared(base_url: str, sent: Request, access: Access) -> Cleared:
    """Have the contract above clear a request to this endpoint."""
    found = Contract(ODD, endpoint=base_url).check(compose(base_url, sent, access), int(bool(sent.body)))
    assert isinstance(found, Cleared), found
    return found


def hosts(*urls: str) -> frozenset[tuple[str, int]]:
    """Give what a transport may reach."""
    return frozenset(host_and_port("/".join(url.split("/", 3)[:3])) for url in urls)
