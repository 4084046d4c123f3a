"""The record of processing activities (GDPR, art. 30(1)), made of the settings and of what really left; the report. Pure.

Each letter of the article has its place. What the settings do not say is None, and shown as not stated; nothing is filled in by
guessing. What left is of all time, since the ledger of shapes counts from the store's making; figures are of the period.
https://eur-lex.europa.eu/eli/reg/2016/679/oj (art. 30; text as of 2026-11-26)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

import msgspec

from gateway.audit.advice import NAMES
from gateway.audit.contracts import Contracts, Told
from gateway.audit.grounds import ConsentReport, Proof
from gateway.model.words import Destination


class Controller(TypedDict):
    """(a) Who is responsible, and how they are reached; None for what the settings do not say."""

    name: str | None
    contact: str | None
    representative: str | None
    data_protection_officer: str | None


class Purpose(TypedDict):
    """(b) What it is for, as the contract says it of a destination's requests that are in use."""

    destination: str
    purpose: str


class DataCategory(TypedDict):
    """(c) A category of data by the clause of the policy, its fields and kinds, and how many events left with the commonest."""

    destination: str
    policy: str
    kinds: list[str]
    fields: list[str]
    events: int


class Recipient(TypedDict):
    """(d, e) Who receives it, under which hosts, and by what a transfer to a third country is covered."""

    destination: str
    hosts: list[str]
    name: str
    safeguards: str | None
    events: int


class TimeLimit(TypedDict):
    """(f) How long what is kept."""

    what: str
    until: str
    bound: str


class ProcessingRecord(TypedDict):
    """The answer of `GET /api/v1/processing-record`."""

    storefront: str
    made_at: str
    since: str
    until: str
    controller: Controller
    purposes: list[Purpose]
    persons: list[str]
    data: list[DataCategory]
    recipients: list[Recipient]
    time_limits: list[TimeLimit]
    measures: list[str]


class Figures(TypedDict):
    """What came and went in the period, in events."""

    received: int
    accepted: int
    refused: int
    invalid: int
    duplicate: int
    delivered: dict[str, int]
    dead: dict[str, int]
    withdrawn: dict[str, int]
    refunded: dict[str, int]


class PrivacyReport(TypedDict):
    """The answer of `GET /api/v1/privacy-report`: everything that is printed."""

    record: ProcessingRecord
    figures: Figures
    contracts: Contracts
    consent: ConsentReport
    proof: Proof
    checkpoint: str | None
    version: str


class Company(msgspec.Struct, frozen=True):
    """What the settings say of the controller; `safeguards` by destination."""

    name: str | None = None
    contact: str | None = None
    representative: str | None = None
    data_protection_officer: str | None = None
    safeguards: Mapping[Destination, str] = {}


PERSONS: Final = ("Visitors and customers of the web shop who said yes to advertising",)

MEASURES: Final = (
    "E-mail addresses are hashed and IP addresses cut in memory, before anything is written.",
    "Every outgoing request is checked as bytes against the contract, and kept back if anything else is in it.",
    "Everything of persons is sealed with AES-256-GCM at rest, under keys of each storefront and day.",
    "Everything leaves over TLS, to the hosts of the contract and no others.",
    "Consent is decided when an event comes in, and looked at again before it is sent; a withdrawal stops what waits.",
    "What is kept is deleted at the end of its time by the program itself.",
    "Acts of people, changes of contracts and counts of each minute stand in an append-only log with signed checkpoints.",
    "Pages and API need a sign-in or a token; roles are denied what is not theirs.",
)


class Sheet(msgspec.Struct, frozen=True):
    """What the record is made of."""

    storefront: str
    made_at: str
    since: str
    until: str
    company: Company
    time_limits: Sequence[TimeLimit]


def record(sheet: Sheet, contracts: Iterable[Told]) -> ProcessingRecord:
    """Write the record."""
    told = list(contracts)
    company = sheet.company
    return ProcessingRecord(
        storefront=sheet.storefront,
        made_at=sheet.made_at,
        since=sheet.since,
        until=sheet.until,
        controller=Controller(
            name=company.name,
            contact=company.contact,
            representative=company.representative,
            data_protection_officer=company.data_protection_officer,
        ),
        purposes=[
            Purpose(destination=one["destination"], purpose=request["purpose"])
            for one in told
            for request in one["requests"]
            if request["in_use"] and request["carries_events"]
        ],
        persons=list(PERSONS),
        data=[category for one in told for category in _categories(one)],
        recipients=[_recipient(one, company) for one in told],
        time_limits=list(sheet.time_limits),
        measures=list(MEASURES),
    )


def _categories(told: Told) -> Iterable[DataCategory]:
    by_policy: dict[str, list[tuple[str, str, int]]] = {}
    for field in told["fields"]:
        if field["seen"]:
            by_policy.setdefault(field["policy"], []).append((field["path"], field["kind"], field["seen"]))
    for policy, found in by_policy.items():
        yield DataCategory(
            destination=told["destination"],
            policy=policy,
            kinds=sorted({kind for _, kind, _ in found}),
            fields=sorted({path for path, _, _ in found}),
            events=max(seen for _, _, seen in found),
        )


def _recipient(told: Told, company: Company) -> Recipient:
    destination = Destination(told["destination"])
    return Recipient(
        destination=destination.value,
        hosts=sorted({host for request in told["requests"] if request["in_use"] for host in request["hosts"]}),
        name=NAMES[destination],
        safeguards=company.safeguards.get(destination),
        events=max((field["seen"] for field in told["fields"]), default=0),
    )
