"""Pinterest API for Conversions, v5: the minimum that a web event needs, and what its replies mean.

Pinterest answers per event, inside a 200 or inside a 422, so one function reads both and the status decides nothing
there. Its messages repeat tokens and request bodies and are never looked at.
https://github.com/pinterest/api-description (v5 openapi, operation `events/create`; read 2026-11-22)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, NotRequired, Self, TypedDict

import msgspec
import orjson
from pydantic import Field, model_validator

from adapters.replies import Waits, by_status, code_of, longest, read, spread, told
from adapters.shapes import BASE_URL, shaped
from gateway.adapter import (
    NOTHING_MORE,
    Access,
    DestinationSettings,
    Limits,
    Needs,
    Processed,
    Quota,
    Rehearsal,
    Reply,
    Request,
    Way,
)
from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Reason, Refusal
from gateway.secret import Secret

NAMES: Final = {Kind.PURCHASE: "checkout", Kind.ADD_TO_CART: "add_to_cart", Kind.PAGE_VIEW: "page_visit"}
"""An unknown name is taken and filed where nobody looks, so there is no other."""

TESTED: Final = 20
"""In test mode only so many events of a request are looked at."""


class PinterestSettings(DestinationSettings, frozen=True, hide_input_in_errors=True):
    """`[…pinterest]` in the configuration. The user agent and the `send_…` that are off by default are the policy's to allow.

    `resend_hours`: how old an event may be to be sent again after a try without a clear answer. Copies are recognised for 48
    hours, but not of what arrives more than an hour after it happened, which counts as offline; so an hour is the default.
    """

    base_url: Annotated[str, BASE_URL] = "https://api.pinterest.com"
    ad_account_id: Annotated[str, shaped(r"\d{1,18}", "must be the ad account's id, at most 18 digits")]
    test: bool = False
    events: frozenset[Kind] = frozenset(Kind)
    batch_events: Annotated[int, Field(ge=1, le=1000)] = 500
    resend_hours: Annotated[int, Field(ge=1, le=44)] = 1
    send_ip: bool = True
    send_page_origin: bool = True
    client_user_agent: Literal["none", "reduced", "full"] = "none"
    send_click_id: bool = False
    send_content_ids: bool = False
    send_page_path: bool = False

    @model_validator(mode="after")
    def path_has_an_origin(self) -> Self:
        """A path is told only as part of an address."""
        if self.send_page_path and not self.send_page_origin:
            raise ValueError("send_page_path: needs send_page_origin = true")
        return self


class UserData(TypedDict, total=False):
    """Who it was: digests in arrays, the rest plain strings. Whether a truncated address finds anybody is not published."""

    em: list[str]
    client_ip_address: str
    client_user_agent: str
    click_id: str


class CustomData(TypedDict, total=False):
    """What it was worth, as a string that holds a plain decimal number, what it was about, and the mark of LDP.

    Pinterest means Limited Data Processing to come with the hashed state and country, which are never kept here; whether it
    honours the mark alone is not published.
    https://developers.pinterest.com/docs/track-conversions/use-limited-data-processing-flag (read 2026-11-22)
    """

    value: str
    currency: str
    content_ids: list[str]
    opt_out_type: Literal["LDP"]


class Event(TypedDict):
    """One conversion event. The object is closed on Pinterest's side."""

    event_name: str
    action_source: Literal["web"]
    event_time: int
    event_id: str
    user_data: UserData
    event_source_url: NotRequired[str]
    custom_data: NotRequired[CustomData]


class Body(TypedDict):
    """One request."""

    data: list[Event]


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────

SWITCHED_OFF: Final = 300.0
"""Seconds between two looks at an endpoint that Pinterest has switched off; how long that takes is not published."""

CODES: Final[Mapping[tuple[int, int | None], Verdict]] = {
    (400, 1): Isolate(Reason.REJECTED),
    (400, 4196): Isolate(Reason.REJECTED),
    (401, 2): Pause(Reason.CREDENTIAL),
    (401, 3): Pause(Reason.PERMISSION),
    (403, 29): Pause(Reason.PERMISSION),
    (403, 2625): Pause(Reason.CONFIGURATION),
    (403, 2626): Pause(Reason.CONFIGURATION),
    (404, 2): Pause(Reason.CONFIGURATION),
    (429, 8): Throttle(),
    (429, 30): Throttle(),
    (503, 4197): Retry(Reason.SERVER_ERROR, after=SWITCHED_OFF),
    (400, None): Isolate(Reason.REJECTED),
    (422, None): Isolate(Reason.REJECTED),
}
"""By status and code, for small codes mean different things under different statuses; `None` is any other code.

4197 says that the endpoint is switched off: nothing was taken. 2625 and 2626: the account is disapproved or in review.
https://github.com/pinterest/api-description (read 2026-11-22)
"""

FIRST_NUMBER: Final = re.compile(r"\s*([0-9]{1,9})(?![0-9])")


class Told(msgspec.Struct, frozen=True, gc=False):
    """What Pinterest says of one event. Of a warning only whether there is one counts: it may repeat what was sent.

    Every event without a click id and an external id has one, and is processed all the same.
    """

    status: str
    warning_message: Any = None


class Results(msgspec.Struct, frozen=True):
    """The events of a request, in its order."""

    events: list[Told]


class Fault(msgspec.Struct, frozen=True):
    """Pinterest's error object."""

    code: int
    details: msgspec.Raw = msgspec.Raw(b"null")


RESULTS: Final = msgspec.json.Decoder(Results)
FAULT: Final = msgspec.json.Decoder(Fault)


@dataclass(frozen=True, slots=True)
class Pinterest:
    """Pinterest's page."""

    settings: PinterestSettings
    destination: ClassVar[Destination] = Destination.PINTEREST
    Settings: ClassVar[type[DestinationSettings]] = PinterestSettings
    hosts: ClassVar[frozenset[str]] = frozenset({"api.pinterest.com"})
    secrets: ClassVar[frozenset[str]] = frozenset()
    token_url: ClassVar[str | None] = None

    @property
    def limits(self) -> Limits:
        """Seven days less an hour for the way; doubtful events are repeated until they are as old as the settings say.

        https://docs.amperity.com/operator/events_pinterest.html (read 2026-11-22: seven days, copies for 48 hours) and
        https://github.com/pinterest/api-description (read 2026-11-22: offline events are not compared; how many requests an
        ad account may make). Whether two copies are recognised of which neither came from the browser is not published. No
        limit in bytes is published; the one here is our own.
        """
        policy = self.settings
        most = min(policy.batch_events, TESTED) if policy.test else policy.batch_events
        return Limits(
            most,
            1_000_000,
            max_age=7 * 86_400 - 3600,
            resend_window=policy.resend_hours * 3600,
            quota=Quota(requests_per_minute=5000),
            resend_age=policy.resend_hours * 3600,
        )

    @property
    def needs(self) -> Needs:
        """What the settings let Pinterest have."""
        policy = self.settings
        return Needs(
            ip=policy.send_ip,
            user_agent=policy.client_user_agent,
            page_origin=policy.send_page_origin,
            click_ids=frozenset({"epik"} if policy.send_click_id else ()),
            content_ids=policy.send_content_ids,
            page_path=policy.send_page_path,
        )

    @property
    def test_mode(self) -> str | None:
        """`test` when it is on: everything is answered and nothing is recorded."""
        return "test" if self.settings.test else None

    @property
    def token_endpoint(self) -> None:
        """None: its tokens are made by hand."""

    def refuses(self, event: Minimised) -> Refusal | None:
        """Refuse an event without an e-mail digest and without address and user agent together."""
        if event.kind not in self.settings.events:
            return Refusal.NOT_ENABLED
        if event.email is not None and event.email.pinterest is not None:  # nearly always: 1 µs an event less
            return None
        known = user_data(event, self.settings).keys()
        return None if "em" in known or known >= {"client_ip_address", "client_user_agent"} else Refusal.NO_IDENTITY

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """A bearer token, nothing beside it."""
        del secrets
        return Access(token)

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write the events out as one request."""
        policy = self.settings
        body: Body = {"data": [written(event, policy) for event in events]}
        query = "?test=true" if policy.test else ""
        return Request(f"/v5/ad_accounts/{policy.ad_account_id}/events{query}", orjson.dumps(body))

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Read the events' own results where there are any, else the code, else the status."""
        results, fault = said(reply)
        if results is not None:
            return each(results, count, None if fault is None else code_of(fault.code), breather(reply.headers))
        if fault is not None:
            return refusal(fault, reply, count)
        return by_status(reply, count, wait_of(reply))

    def warnings(self, reply: Reply) -> int:
        """Count the events that came with a warning."""
        results, _ = said(reply)
        return 0 if results is None else sum(bool(told.warning_message) for told in results.events)

    def rehearsal(self, test_code: str | None) -> Rehearsal:
        """Send one event in test mode, which records nothing: a purchase, as it has most to it."""
        del test_code
        return Rehearsal(Pinterest(self.settings.model_copy(update={"test": True})), Way.TEST_MODE, (Kind.PURCHASE,))

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Pinterest answers for each event at once and never tells more."""
        del receipt
        return None

    def read_processed(self, reply: Reply, count: int) -> Processed:
        """Say that nothing more will come; there is nothing to ask."""
        del reply, count
        return NOTHING_MORE


def user_data(event: Minimised, policy: PinterestSettings) -> UserData:
    """Write out who it was, as far as the settings let Pinterest know."""
    user: UserData = {}
    if (email := event.email) is not None and email.pinterest is not None:
        user["em"] = [email.pinterest]
    if event.ip is not None and policy.send_ip:
        user["client_ip_address"] = event.ip
    if event.user_agent is not None and policy.client_user_agent != "none":
        user["client_user_agent"] = event.user_agent
    if (click := event.click) is not None and click.epik is not None and policy.send_click_id:
        user["click_id"] = click.epik
    return user


def custom_data(event: Minimised, policy: PinterestSettings) -> CustomData:
    """Write out the amount as decimal text (a JSON number would break the schema), the products, and how it may be used."""
    money = event.money
    custom: CustomData = {} if money is None else {"value": money.text, "currency": money.currency}
    if event.content_ids and policy.send_content_ids:
        custom["content_ids"] = list(event.content_ids)
    if event.restricted is not None:
        custom["opt_out_type"] = "LDP"
    return custom


def written(event: Minimised, policy: PinterestSettings) -> Event:
    """Write one event out."""
    made: Event = {
        "event_name": NAMES[event.kind],
        "action_source": "web",
        "event_time": event.occurred_at,
        "event_id": event.event_id,
        "user_data": user_data(event, policy),
    }
    if event.page_origin is not None and policy.send_page_origin:
        path = event.page_path
        made["event_source_url"] = event.page_origin + path if path and policy.send_page_path else event.page_origin
    if custom := custom_data(event, policy):
        made["custom_data"] = custom
    return made


def said(reply: Reply) -> tuple[Results | None, Fault | None]:
    """Read the events' results, wherever they stand: in a success, or in the details of a 422; else the error, if any."""
    if 200 <= reply.status < 300:
        return read(RESULTS, reply.body), None
    fault = None if 300 <= reply.status < 400 else read(FAULT, reply.body)
    return (None if fault is None or reply.status != 422 else read(RESULTS, fault.details)), fault


def each(results: Results, count: int, code: PlatformCode | None, after: Waits) -> tuple[Verdict, ...]:
    """Read the results of a 200 or of a 422's details, event by event. `after`: see `Delivered`."""
    if len(results.events) != count:
        return spread(Maybe(Reason.COUNT_MISMATCH, code), count)
    meanings: dict[str, Verdict] = {"processed": Delivered(after=after), "failed": Rejected(code=code)}
    unread = Maybe(Reason.UNREADABLE_REPLY, code)
    return tuple([meanings.get(told.status, unread) for told in results.events])


def refusal(fault: Fault, reply: Reply, count: int) -> tuple[Verdict, ...]:
    """Look an error up by its status and code."""
    code = code_of(fault.code)
    known = CODES.get((reply.status, fault.code)) or CODES.get((reply.status, None))
    if known is None:
        return by_status(reply, count, wait_of(reply))
    return spread(told(known, code, wait_of(reply)), count)


def first_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a rate header; several windows may be listed, the first one counts."""
    found = FIRST_NUMBER.match(headers.get(name, ""))
    return float(found[1]) if found else None


def reset_wait(headers: Mapping[str, str]) -> Waits:
    """Read the seconds left of the current window."""
    return longest(first_number(headers, "x-ratelimit-reset"))


def wait_of(reply: Reply) -> Waits:
    """Say how long to wait. Every answer tells the end of a window, perhaps a day off: it counts where that was used up."""
    return longest(reply.retry_after, reset_wait(reply.headers) if reply.status == 429 else None)


SHORTEST: Final = 0.05
"""Seconds; what is not worth waiting for."""
WINDOW: Final = 60.0
"""Seconds; the longest window that was seen, so that an absurd number stops nothing for long."""


def breather(headers: Mapping[str, str]) -> Waits:
    """Spread the requests that are left over what is left of the window; after the last one wait for the next window.

    The headers were seen on answers of 2026-09 and are not published, so nothing depends on them.
    """
    left, seconds = first_number(headers, "x-ratelimit-remaining"), reset_wait(headers)
    wait = 0.0 if left is None or seconds is None else min(seconds, WINDOW) / (left + 1)
    return wait if wait >= SHORTEST else None
