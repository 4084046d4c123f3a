"""Google Ads: conversions by order id with a hashed e-mail or a click id, and nothing else.

Google never gets an address, a user agent or a page. Repeats merge by transaction id, which is why it must be the same
for ever. An event is made into a `Conversion` here; the service that takes it writes the request and reads the replies.
https://developers.google.com/google-ads/api/docs/conversions/overview (read 2026-11-22)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, Self

from msgspec.structs import replace
from pydantic import Field, field_validator, model_validator

from adapters import google_ads_api, google_data_manager
from adapters.google_ads_api import AdsApi
from adapters.google_conversion import Conversion, Service, click_of, transaction_id
from adapters.google_data_manager import DataManager
from adapters.shapes import BASE_URL, URL, shaped
from gateway.adapter import (
    Access,
    DestinationSettings,
    Limits,
    Needs,
    Processed,
    Quota,
    Rehearsal,
    Reply,
    Request,
    TokenEndpoint,
    Way,
)
from gateway.model.event import ClickIds, Minimised
from gateway.model.texts import EmailDigest, GoogleClickId, Receipt
from gateway.model.verdict import Delivered, Pause, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Refusal
from gateway.secret import Secret

Account = Annotated[str, shaped(r"\d{10}", "must be a Google Ads customer id: 10 digits, no hyphens")]
Project = Annotated[str, shaped(r"[a-z][a-z0-9:.-]{4,61}[a-z0-9]|\d{6,20}", "must be a Google Cloud project's id or number")]
Transport = Literal["data_manager", "ads_api"]

HOSTS: Final[Mapping[Transport, str]] = {"data_manager": google_data_manager.HOST, "ads_api": google_ads_api.HOST}
SCOPES: Final[Mapping[Transport, str]] = {"data_manager": google_data_manager.SCOPE, "ads_api": google_ads_api.SCOPE}
Action = Annotated[str, shaped(r"[1-9]\d{0,19}", "must be a conversion action's numeric id, not its resource name")]


TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
"""Where access tokens come from; https://developers.google.com/identity/protocols/oauth2/service-account (read 2026-11-22)."""

CLICKS: Final = frozenset({"gclid", "wbraid", "gbraid"})
"""Google's click ids, as the model names them."""

NOBODYS: Final = ClickIds(gclid=GoogleClickId("no-click-a-rehearsal"))
"""A click that nobody made: it has the alphabet of Google's ids and decodes to none."""


class GoogleAdsSettings(DestinationSettings, frozen=True, hide_input_in_errors=True):
    """`[…google_ads]` in the configuration. A kind of event without a conversion action is not sent.

    `transport` is the service that takes the conversions; where it is, `base_url` follows from it. `operating_account`
    owns the conversion actions; `login_account` is the manager through which the credential gets there, if it is another.
    `transaction_ids = "as_is"` is for shops whose Google tag reports the same order ids. `version` and `developer_token`
    are the Google Ads API's. `rest_seconds` follow a request that was not full.
    """

    base_url: Annotated[str, BASE_URL] = f"https://{HOSTS['data_manager']}"
    token_url: Annotated[str, URL] = TOKEN_URL
    transport: Transport = "data_manager"
    version: Annotated[str, shaped(r"v\d{2,3}", "must be a version of the Google Ads API such as v26")] = "v26"
    developer_token: str | None = None
    quota_project: Project | None = None
    operating_account: Account
    login_account: Account | None = None
    conversion_actions: Annotated[Mapping[Kind, Action], Field(min_length=1)]
    transaction_ids: Literal["safe", "as_is"] = "safe"
    validate_only: bool = False
    batch_events: Annotated[int, Field(ge=1, le=2000)] = 500
    rest_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    max_age_days: Annotated[int, Field(ge=1, le=89)] = 60
    click_hold: Annotated[int, Field(ge=0, le=86_400)] = 6 * 3600
    send_email: bool = True
    send_click_ids: bool = False

    @field_validator("conversion_actions", mode="after")
    @classmethod
    def one_action_each(cls, actions: Mapping[Kind, str]) -> Mapping[Kind, str]:
        """Google merges by action and transaction id, so two kinds of event must not share an action."""
        if len(set(actions.values())) != len(actions):
            raise ValueError("each kind of event needs an action of its own")
        return actions

    @model_validator(mode="after")
    def where_the_transport_is(self) -> Self:
        """Fill in the address that was left out, for the first field cannot have a default that depends on a later one.

        The other service's own address would answer nothing but errors. (The rule names no setting: what it names would
        be taken for the value.)
        """
        if "base_url" not in self.model_fields_set:
            object.__setattr__(self, "base_url", f"https://{HOSTS[self.transport]}")
        host = self.base_url.removeprefix("https://").removesuffix(":443")
        if host in HOSTS.values() and host != HOSTS[self.transport]:
            raise ValueError("the address is that of Google's other service; leave it out and the right one is taken")
        return self


INGESTION: Final = Quota(requests_per_minute=300, requests_per_day=100_000)
"""Of a Cloud project: https://developers.google.com/data-manager/api/devguides/limits (read 2026-11-22)."""

BY_ROWS: Final = Quota(requests_per_day=15_000)
"""Of a developer token with basic access; standard access has no limit. Whether an upload is one operation or as many as it
has rows is not said: https://developers.google.com/google-ads/api/docs/best-practices/quotas (read 2026-11-22)."""


@dataclass(frozen=True, slots=True)
class GoogleAds:
    """Google's page."""

    settings: GoogleAdsSettings
    destination: ClassVar[Destination] = Destination.GOOGLE_ADS
    Settings: ClassVar[type[DestinationSettings]] = GoogleAdsSettings
    hosts: ClassVar[frozenset[str]] = frozenset(HOSTS.values())
    secrets: ClassVar[frozenset[str]] = frozenset({"developer_token"})
    token_url: ClassVar[str | None] = TOKEN_URL

    @property
    def limits(self) -> Limits:
        """At most 2000 events a request; repeats merge by transaction id, whenever they come.

        Sixty days by default: a click's conversions count for up to 90 days, those known by e-mail alone reportedly
        for 63, and past its limit an event is lost without a word. Clicks younger than six hours can be unknown to
        Google, so where click ids are sent, an event that has one waits that long first.
        https://developers.google.com/data-manager/api/devguides/limits and
        https://developers.google.com/google-ads/api/docs/conversions/upload-offline (read 2026-11-22). No limit in
        bytes is published; the one here is our own. The Google Ads API answers row by row, and takes its time for it.
        """
        policy = self.settings
        by_rows = policy.transport == "ads_api"
        return Limits(
            min(policy.batch_events, google_ads_api.MOST_ROWS) if by_rows else policy.batch_events,
            1_000_000,
            policy.max_age_days * 86_400,
            resend_window=None,
            min_age=policy.click_hold if policy.send_click_ids else 0,
            held_clicks=CLICKS,
            timeout=60.0 if by_rows else 30.0,
            quota=BY_ROWS if by_rows else INGESTION,
        )

    @property
    def needs(self) -> Needs:
        """What the settings let Google have; never an address, a user agent or a page."""
        policy = self.settings
        return Needs(email=policy.send_email, click_ids=CLICKS if policy.send_click_ids else frozenset())

    @property
    def test_mode(self) -> str | None:
        """`validateOnly` when it is on: requests are checked and nothing is taken."""
        return "validateOnly" if self.settings.validate_only else None

    @property
    def token_endpoint(self) -> TokenEndpoint:
        """Google's own, for the scope of the service that takes the conversions: neither scope opens the other."""
        return TokenEndpoint(self.settings.token_url, TOKEN_URL, SCOPES[self.settings.transport])

    def refuses(self, event: Minimised) -> Refusal | None:
        """Refuse a kind without a conversion action, and an event without an e-mail digest and a click id."""
        if event.kind not in self.settings.conversion_actions:
            return Refusal.NOT_ENABLED
        if event.restricted is not None:  # Google has no mark that would tell it so
            return Refusal.RESTRICTION_UNSUPPORTED
        if email_of(event, self.settings) is not None or (self.settings.send_click_ids and click_of(event.click) is not None):
            return None
        return Refusal.NO_IDENTITY

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """A bearer token; beside it the developer token, if there is one and the service has a use for it.

        https://developers.google.com/google-ads/api/docs/api-policy/developer-token (read 2026-11-22): optional since
        2026-09-09, when access began to go by the Google Cloud project.
        """
        named = secrets.get("developer_token") if self.settings.transport == "ads_api" else None
        return Access(token, () if named is None else (("developer-token", named),))

    def warnings(self, reply: Reply) -> int:
        """Count what the service would rather have otherwise."""
        return self.service.warnings(reply)

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write the events out as one request."""
        policy = self.settings
        return self.service.build([conversion(event, policy) for event in events])

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Let the service read its reply; after a request that was not full, ask for a rest in which the next one fills.

        A Google Cloud project has 100,000 requests a day and 300 a minute, however many events are in them:
        https://developers.google.com/data-manager/api/devguides/limits (read 2026-11-22). A trickle of events sent as they
        come would use them up; a backlog goes in full requests and is not held up.
        """
        verdicts = self.service.interpret(reply, count)
        rest = self.settings.rest_seconds
        return rested(verdicts, rest) if rest and count < self.limits.batch_events else verdicts

    def rehearsal(self, test_code: str | None) -> Rehearsal:
        """Have one event of each kind that has an action checked and none taken; by e-mail, which nobody's digest stands for.

        Where no e-mail may go, because the account takes none, it is by a click id that was never given out. Of such a one
        the Data Manager API says nothing at once, and the Google Ads API that it cannot read it.

        https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#ingesteventsrequest
        (`validate_only`; read 2026-11-22)
        """
        del test_code
        policy = self.settings
        by_click = policy.send_click_ids and not policy.send_email
        how = {"validate_only": True, "send_email": not by_click, "send_click_ids": by_click}
        kinds = tuple(kind for kind in Kind if kind in policy.conversion_actions)
        proof = google_ads_api.NO_SUCH_CLICK if by_click and policy.transport == "ads_api" else None
        checked = GoogleAds(policy.model_copy(update=how))
        return Rehearsal(checked, Way.VALIDATED, kinds, proof=proof, click=NOBODYS if by_click else None)

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Ask the service, if it is one that tells afterwards."""
        return self.service.ask_after(receipt)

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Let the service read what it says afterwards."""
        return self.service.read_processed(reply, count)

    @property
    def service(self) -> Service:
        """Google's API that takes the conversions."""
        policy = self.settings
        project = () if policy.quota_project is None else (("x-goog-user-project", policy.quota_project),)
        manager = None if policy.login_account == policy.operating_account else policy.login_account
        if policy.transport == "ads_api":
            login = () if manager is None else (("login-customer-id", manager),)
            return AdsApi(policy.operating_account, policy.version, (*login, *project), policy.validate_only)
        return DataManager(policy.operating_account, manager, project, policy.validate_only)


def email_of(event: Minimised, policy: GoogleAdsSettings) -> EmailDigest | None:
    """Give the digest that may serve Google."""
    return event.email.google_ads if event.email is not None and policy.send_email else None


def rested(verdicts: Sequence[Verdict], rest: float) -> tuple[Verdict, ...]:
    """Ask to be left alone for `rest` seconds with each delivery."""
    return tuple([replace(verdict, after=rest) if isinstance(verdict, Delivered) else verdict for verdict in verdicts])


def conversion(event: Minimised, policy: GoogleAdsSettings) -> Conversion:
    """Make the conversion that an event is to Google, of a kind that has an action."""
    return Conversion(
        kind=event.kind,
        action=policy.conversion_actions[event.kind],
        transaction_id=transaction_id(event.event_id) if policy.transaction_ids == "safe" else event.event_id,
        occurred_at=event.occurred_at,
        personalised=event.ads_personalisation,
        email=email_of(event, policy),
        click=click_of(event.click) if policy.send_click_ids else None,
        money=event.money,
    )
