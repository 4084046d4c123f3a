"""Meta Conversions API, Graph v26.0: the minimum that a website event needs, and what its replies mean.

One event that Meta dislikes sinks the whole request, so what it needs to know a person by is checked before anything
is stored, and a refusal names a suspect where Meta names one. Errors are told apart by code and subcode, never by
text, which is localised and may repeat what was sent.
https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api (read 2026-11-22)
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, Literal, NotRequired, Self, TypedDict

import msgspec
import orjson
from pydantic import Field, model_validator

from adapters.replies import BY_STATUS, Waits, by_status, code_of, longest, read, receipt_of, spread, told
from adapters.shapes import BASE_URL, shaped
from gateway.adapter import (
    LONGEST_WAIT,
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
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Reason, Refusal, UsState
from gateway.secret import Secret

NAMES: Final = {Kind.PURCHASE: "Purchase", Kind.ADD_TO_CART: "AddToCart", Kind.PAGE_VIEW: "PageView"}


class MetaSettings(DestinationSettings, frozen=True, hide_input_in_errors=True):
    """`[…meta]` in the configuration. The `send_…` that are off by default, and the user agent, are the policy's to allow.

    `app_secret` refers to a secret as `credential` does; with it every request proves that it comes from the app's owner.
    `resend_hours`: how long after a first try without a clear answer an event is sent again.
    """

    app_secret: str | None = None
    base_url: Annotated[str, BASE_URL] = "https://graph.facebook.com"
    version: Annotated[str, shaped(r"v\d{2,3}\.\d", "must be a Graph version such as v26.0")] = "v26.0"
    pixel_id: Annotated[str, shaped(r"\d{5,20}", "must be the pixel's (dataset's) id, digits only")]
    test_event_code: Annotated[str, shaped(r"[A-Za-z0-9]{1,40}", "must be letters and digits, such as TEST12345")] | None = None
    events: frozenset[Kind] = frozenset(Kind)
    batch_events: Annotated[int, Field(ge=1, le=1000)] = 500
    resend_hours: Annotated[int, Field(ge=1, le=44)] = 44
    send_ip: bool = True
    send_page_origin: bool = True
    client_user_agent: Literal["none", "reduced", "full"] = "none"
    send_fbc: bool = False
    send_fbp: bool = False
    send_content_ids: bool = False
    send_page_path: bool = False

    @model_validator(mode="after")
    def path_has_an_origin(self) -> Self:
        """A path is told only as part of an address."""
        if self.send_page_path and not self.send_page_origin:
            raise ValueError("send_page_path: needs send_page_origin = true")
        return self


class UserData(TypedDict, total=False):
    """Who it was. Digests are hashed, the rest is never hashed.

    Meta asks for the visitor's real address and has no rule against a network's; whether it finds anybody by one is not
    published.
    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/customer-information-parameters
    (read 2026-11-22)
    """

    em: list[str]
    client_ip_address: str
    client_user_agent: str
    fbc: str
    fbp: str


class CustomData(TypedDict, total=False):
    """What it was worth, in major units, and which products it was about.

    A value of 0 is sent as the number it is. Whether Meta takes it for none is not published (the tag of a server-side
    container writes "0.00", https://github.com/stape-io/facebook-tag, read 2026-11-22); if it does, that purchase is refused.
    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/custom-data (read 2026-11-22)
    """

    value: float
    currency: str
    content_ids: list[str]
    content_type: Literal["product"]


class Event(TypedDict):
    """One server event.

    A website's should have the page and the user agent as well. Without them events were taken (seen by others on
    v26.0, 2026-09); they may be worth less to Meta.
    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/server-event (read 2026-11-22)
    """

    event_name: str
    event_time: int
    event_id: str
    action_source: Literal["website"]
    user_data: UserData
    event_source_url: NotRequired[str]
    custom_data: NotRequired[CustomData]
    data_processing_options: NotRequired[list[Literal["LDU"]]]
    data_processing_options_country: NotRequired[int]
    data_processing_options_state: NotRequired[int]


class Body(TypedDict):
    """One request. Events sent with a test code are counted by Meta all the same."""

    data: list[Event]
    test_event_code: NotRequired[str]


UNITED_STATES: Final = 1
STATES: Final[Mapping[UsState, int]] = {
    UsState.CA: 1000,
    UsState.CO: 1001,
    UsState.CT: 1002,
    UsState.FL: 1003,
    UsState.OR: 1004,
    UsState.TX: 1005,
    UsState.MT: 1006,
    UsState.DE: 1007,
    UsState.NE: 1008,
    UsState.NH: 1009,
    UsState.NJ: 1010,
    UsState.MN: 1011,
    UsState.MD: 1012,
    UsState.RI: 1013,
}
"""Meta's codes for Limited Data Use; where there is none the event does not go to Meta. The state is always named: with 0
Meta would look it up by the address, which is truncated or not sent at all.

https://developers.facebook.com/documentation/ads-commerce/marketing-api/overview/data-processing-options (read 2026-11-22)
"""

# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────

BUSY: Final = Maybe(Reason.SERVER_ERROR)
"""Meta failed or says that it is down. How far it got is not said, so the event may have arrived."""

CODES: Final[Mapping[int, Verdict]] = {
    **dict.fromkeys((1, 2, 5000), BUSY),
    **dict.fromkeys((4, 17, 32, 341, 429, *range(80000, 80007), 80008, 80009, 80014), Throttle()),
    **dict.fromkeys((3, 10, *range(200, 300)), Pause(Reason.PERMISSION)),
    368: Pause(Reason.PERMISSION, after=LONGEST_WAIT),
    **dict.fromkeys((102, 190), Pause(Reason.CREDENTIAL)),
    **dict.fromkeys((104, 803, 2500, 2635), Pause(Reason.CONFIGURATION)),
    **dict.fromkeys((100, 105), Isolate(Reason.REJECTED)),
    613: Throttle(Reason.QUOTA_CUT, after=LONGEST_WAIT),
    21009: Retry(Reason.SERVER_ERROR),
}
"""By code. 613 without a subcode is a cut of the quota for abuse, so it waits long. 368: blocked for a while for a breach of
policy; a block that is tested all the time may last longer (ours to assume), so it is tested once an hour. 21009: the data
set is not ready. 1 and 5000 say nothing, and 1 may mean that the request was too large: how often such a request is
repeated as it was is the breaker's to say, which then sends few events at a time and sets those aside that fail.

https://developers.facebook.com/documentation/ads-commerce/marketing-api/error-reference,
https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/documentation/ads-commerce/marketing-api/overview/rate-limiting (read 2026-11-22)
"""

SUBCODES: Final[Mapping[tuple[int, int], Verdict]] = {
    (100, 33): Pause(Reason.CONFIGURATION),
    (100, 2804003): Isolate(Reason.EXPIRED),
    (100, 2804016): Isolate(Reason.NOT_HASHED),
    (613, 1487742): Throttle(),
    (613, 5044001): Throttle(),
}
"""Where the subcode changes what the code says. 33: no such data set, or the token may not use it; no event's fault.

Other subcodes of 100, known (2804001 click id, 2804009 no value, 2804050 nobody to be known by …) or new, are an event's.
"""

OF_THE_CALL: Final = "GraphMethodException"
"""The type of errors of the call itself: with a code 100 that has no subcode it was seen for a wrong `appsecret_proof`
(https://github.com/facebook/facebook-python-business-sdk/issues/528, read 2026-11-25), which no event can be blamed for.
Those of events are of the type `OAuthException`. Whether a wrong event can have this type is not published.
"""

TOO_OLD: Final = PlatformCode("100/2804003")
"""What Meta says of a request with an event older than seven days."""

HINT: Final = re.compile(r"\$\['data'\]\[([0-9]{1,4})\]")


class Fault(msgspec.Struct, frozen=True):
    """Meta's error object; only the code has to be right for it to be read."""

    code: int
    type: Any = None
    error_subcode: Any = None
    is_transient: Any = None
    error_user_msg: Any = None


class Answer(msgspec.Struct, frozen=True):
    """Meta's reply: how many events it received, or its error (which may come with any status)."""

    events_received: int | None = None
    messages: Any = None
    fbtrace_id: Any = None
    error: Fault | None = None


class Usage(msgspec.Struct, frozen=True):
    """How much of a rolling hour's quota is used up, in percent of calls, time and processor time."""

    call_count: float = 0.0
    total_time: float = 0.0
    total_cputime: float = 0.0

    @property
    def most(self) -> float:
        """The part that is nearest to its end."""
        return max(self.call_count, self.total_time, self.total_cputime)


class Case(Usage, frozen=True):
    """One business use case's usage; the estimate is in minutes."""

    estimated_time_to_regain_access: float = 0.0


class AccountUsage(msgspec.Struct, frozen=True):
    """One ad account's usage in percent; the reset is in seconds."""

    acc_id_util_pct: float = 0.0
    reset_time_duration: float = 0.0


ANSWER: Final = msgspec.json.Decoder(Answer)
APP: Final = msgspec.json.Decoder(Usage)
CASES: Final = msgspec.json.Decoder(dict[str, list[Case]])
ACCOUNT: Final = msgspec.json.Decoder(AccountUsage)


@dataclass(frozen=True, slots=True)
class Meta:
    """Meta's page."""

    settings: MetaSettings
    destination: ClassVar[Destination] = Destination.META
    Settings: ClassVar[type[DestinationSettings]] = MetaSettings
    hosts: ClassVar[frozenset[str]] = frozenset({"graph.facebook.com"})
    secrets: ClassVar[frozenset[str]] = frozenset({"app_secret"})
    token_url: ClassVar[str | None] = None

    @property
    def limits(self) -> Limits:
        """Seven days less an hour for the way; copies are recognised for 48 h, so a doubtful one may be repeated for 44.

        https://developers.facebook.com/documentation/ads-commerce/conversions-api/deduplicate-pixel-and-server-events
        (read 2026-11-22). It speaks of a browser's copy and a server's; that two of a server's are recognised by the same
        id is what everybody relies on and nobody publishes. No limit in bytes and none of requests is published; those
        here are our own.
        """
        policy = self.settings
        return Limits(
            policy.batch_events,
            1_000_000,
            max_age=7 * 86_400 - 3600,
            resend_window=policy.resend_hours * 3600,
            quota=Quota(requests_per_minute=3000),
        )

    @property
    def needs(self) -> Needs:
        """What the settings let Meta have."""
        policy = self.settings
        asked = {"fbc": policy.send_fbc, "fbp": policy.send_fbp}
        return Needs(
            ip=policy.send_ip,
            user_agent=policy.client_user_agent,
            page_origin=policy.send_page_origin,
            click_ids=frozenset(name for name, wanted in asked.items() if wanted),
            content_ids=policy.send_content_ids,
            page_path=policy.send_page_path,
        )

    @property
    def test_mode(self) -> str | None:
        """`test_event_code` when one is set."""
        return "test_event_code" if self.settings.test_event_code else None

    @property
    def token_endpoint(self) -> None:
        """None: its tokens are made by hand."""

    def refuses(self, event: Minimised) -> Refusal | None:
        """Refuse an event that Meta would refuse with its whole batch: a user agent alone identifies nobody."""
        if event.kind not in self.settings.events:
            return Refusal.NOT_ENABLED
        if event.restricted is not None and event.restricted not in STATES:
            return Refusal.RESTRICTION_UNSUPPORTED
        if event.email is not None and event.email.meta is not None:  # nearly always: 1 µs an event less
            return None
        return Refusal.NO_IDENTITY if user_data(event, self.settings).keys() <= {"client_user_agent"} else None

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """A bearer token, and beside it the proof that the app's secret is known, if it is."""
        app_secret = secrets.get("app_secret")
        return Access(token, query=() if app_secret is None else (("appsecret_proof", appsecret_proof(app_secret, token)),))

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write the events out as one request."""
        policy = self.settings
        body: Body = {"data": [written(event, policy) for event in events]}
        if policy.test_event_code:
            body["test_event_code"] = policy.test_event_code
        return Request(f"/{policy.version}/{policy.pixel_id}/events", orjson.dumps(body))

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Believe the error object first, then the count of events, then the status."""
        answer = None if 300 <= reply.status < 400 else read(ANSWER, reply.body)
        if answer is not None and answer.error is not None:
            return refusal(answer.error, reply, count)
        if answer is None or answer.events_received is None or not 200 <= reply.status < 300:
            return by_status(reply, count, usage_wait(reply.headers))
        if answer.events_received != count:
            return spread(Maybe(Reason.COUNT_MISMATCH), count)
        return spread(Delivered(receipt=receipt_of(answer.fbtrace_id), after=breather(reply.headers)), count)

    def rehearsal(self, test_code: str | None) -> Rehearsal:
        """Send a page view under the test code that is given or set; without one, an event that is too old to be taken.

        Meta refuses a request with an event older than seven days whole. It documents no way to have one only checked, and
        events under a test code count.
        https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api (read 2026-11-22)
        """
        code = test_code or self.settings.test_event_code
        if code is None:
            return Rehearsal(self, Way.TOO_OLD, (Kind.PAGE_VIEW,), age=8 * 86_400, proof=TOO_OLD)
        coded = self.settings.model_copy(update={"test_event_code": code})
        return Rehearsal(Meta(coded), Way.TEST_EVENT, (Kind.PAGE_VIEW,))

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Meta counts what it takes at once and never tells more."""
        del receipt
        return None

    def read_processed(self, reply: Reply, count: int) -> Processed:
        """Say that nothing more will come; there is nothing to ask."""
        del reply, count
        return NOTHING_MORE

    def warnings(self, reply: Reply) -> int:
        """Count the `messages` of a success; what they may say is not published, and is never read."""
        answer = read(ANSWER, reply.body) if 200 <= reply.status < 300 else None
        return len(answer.messages) if answer is not None and isinstance(answer.messages, list) else 0


def appsecret_proof(app_secret: Secret, token: Secret) -> Secret:
    """Prove knowledge of the app's secret: the token's HMAC-SHA256 under it, in hex. Good for this token alone.

    https://developers.facebook.com/docs/graph-api/securing-requests (read 2026-11-25)
    """
    return Secret(hmac.new(app_secret.reveal().encode(), token.reveal().encode(), sha256).hexdigest())


def user_data(event: Minimised, policy: MetaSettings) -> UserData:
    """Write out who it was, as far as the settings let Meta know."""
    user: UserData = {}
    if (email := event.email) is not None and email.meta is not None:
        user["em"] = [email.meta]
    if event.ip is not None and policy.send_ip:
        user["client_ip_address"] = event.ip
    if event.user_agent is not None and policy.client_user_agent != "none":
        user["client_user_agent"] = event.user_agent
    if (click := event.click) is not None:
        if click.fbc is not None and policy.send_fbc:
            user["fbc"] = click.fbc
        if click.fbp is not None and policy.send_fbp:
            user["fbp"] = click.fbp
    return user


def custom_data(event: Minimised, policy: MetaSettings) -> CustomData:
    """Write out the amount as a JSON number, and the products as the settings allow."""
    money = event.money
    custom: CustomData = {} if money is None else {"value": money.number, "currency": money.currency}
    if event.content_ids and policy.send_content_ids:
        custom["content_ids"] = list(event.content_ids)
        custom["content_type"] = "product"
    return custom


def written(event: Minimised, policy: MetaSettings) -> Event:
    """Write one event out."""
    made: Event = {
        "event_name": NAMES[event.kind],
        "event_time": event.occurred_at,
        "event_id": event.event_id,
        "action_source": "website",
        "user_data": user_data(event, policy),
    }
    if event.page_origin is not None and policy.send_page_origin:
        path = event.page_path
        made["event_source_url"] = event.page_origin + path if path and policy.send_page_path else event.page_origin
    if custom := custom_data(event, policy):
        made["custom_data"] = custom
    if event.restricted is not None:
        made["data_processing_options"] = ["LDU"]
        made["data_processing_options_country"] = UNITED_STATES
        made["data_processing_options_state"] = STATES[event.restricted]
    return made


def refusal(fault: Fault, reply: Reply, count: int) -> tuple[Verdict, ...]:
    """Look an error up by its code and subcode."""
    subcode = fault.error_subcode if type(fault.error_subcode) is int else None
    code = code_of(fault.code, subcode)
    known = CODES.get(fault.code) if subcode is None else SUBCODES.get((fault.code, subcode), CODES.get(fault.code))
    if fault.code == 100 and subcode is None and fault.type == OF_THE_CALL:
        known = Pause(Reason.CONFIGURATION)
    if fault.code < 0 or (fault.is_transient is True and (known is None or isinstance(known, Isolate))):
        known = BUSY
    if known is None:  # the status says more than a code that nobody knows
        known = BUSY if reply.status >= 500 else BY_STATUS.get(reply.status, Isolate(Reason.UNKNOWN_ERROR))
    waits = longest(reply.retry_after, usage_wait(reply.headers))
    return spread(told(known, code, waits), count, dict.fromkeys(hinted(fault.error_user_msg), code))


def hinted(text: object) -> list[int]:
    """Find the indexes in the JSON path that Meta puts into the text of some errors; nothing else of it is read."""
    return [int(index) for index in HINT.findall(text[:2000])] if isinstance(text, str) else []


class Quotas(msgspec.Struct, frozen=True):
    """What Meta's usage headers say; each may be absent or broken, and is then empty.

    https://developers.facebook.com/documentation/ads-commerce/marketing-api/overview/rate-limiting (read 2026-11-22)
    """

    app: Usage
    cases: Sequence[Case]
    account: AccountUsage


def quotas(headers: Mapping[str, str]) -> Quotas:
    """Read the three usage headers. What is no UTF-8 in one comes as lone surrogates: that header is a broken one."""
    app = read(APP, headers.get("x-app-usage", "")) or Usage()
    cases = read(CASES, headers.get("x-business-use-case-usage", "")) or {}
    account = read(ACCOUNT, headers.get("x-ad-account-usage", "")) or AccountUsage()
    return Quotas(app, [case for listed in cases.values() for case in listed], account)


def usage_wait(headers: Mapping[str, str]) -> Waits:
    """Give the longest wait that is named: minutes per use case, seconds per ad account once its quota is gone."""
    told = quotas(headers)
    minutes = [case.estimated_time_to_regain_access for case in told.cases]
    seconds = [minute * 60 for minute in minutes] + [told.account.reset_time_duration] * (told.account.acc_id_util_pct >= 100)
    return longest(*(second for second in seconds if second > 0))


NEARLY_USED_UP: Final = 80.0
SLOWEST: Final = 60.0


def breather(headers: Mapping[str, str]) -> Waits:
    """Slow down before Meta has to ask: from 80 % of any quota on, up to a minute between requests at 100 %.

    At 100 % Meta throttles; where to begin and how slow to get is ours to choose.
    """
    told = quotas(headers)
    used = min(100.0, max(told.app.most, told.account.acc_id_util_pct, *(case.most for case in told.cases), 0.0))
    return (used - NEARLY_USED_UP) / (100.0 - NEARLY_USED_UP) * SLOWEST if used > NEARLY_USED_UP else None
