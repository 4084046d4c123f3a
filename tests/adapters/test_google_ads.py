"""Google's page: what its settings allow, whom it refuses, and what it promises about time."""

from pathlib import Path
from typing import Any

import pytest

from adapters.google_ads import GoogleAds, GoogleAdsSettings
from gateway.adapter import Access, Quota, Reply
from gateway.model.texts import Receipt, StorefrontId
from gateway.model.verdict import Delivered, Maybe
from gateway.model.words import Destination, Reason
from gateway.secret import Secret
from tests.adapters.cases import ALL_ALLOWED, LEAST_SETTINGS, golden_events, made
from tests.configuration import GOOD, faults_of, load_text

ALLOWED = made(Destination.GOOGLE_ADS, **ALL_ALLOWED[Destination.GOOGLE_ADS])


def adapter(**settings: Any) -> GoogleAds:
    """Make Google's adapter from the least settings and `settings` on top."""
    return GoogleAds(GoogleAdsSettings(**{**LEAST_SETTINGS[Destination.GOOGLE_ADS], **settings}))


def test_limits() -> None:
    """Repeats always merge, and only where click ids are sent does an event that has one wait its six hours."""
    limits = made(Destination.GOOGLE_ADS).limits
    assert (limits.batch_events, limits.resend_window, limits.min_age, limits.max_age) == (500, None, 0, 60 * 86_400)
    assert (ALLOWED.limits.min_age, ALLOWED.limits.held_clicks) == (6 * 3600, frozenset({"gclid", "wbraid", "gbraid"}))
    assert made(Destination.GOOGLE_ADS, send_click_ids=True, click_hold=0).limits.min_age == 0


def test_the_test_switch_shows() -> None:
    """Validating only is named when it is on, for nothing is taken then."""
    assert made(Destination.GOOGLE_ADS).test_mode is None
    assert made(Destination.GOOGLE_ADS, validate_only=True).test_mode == "validateOnly"


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep; an address, agent or page cannot be allowed."""
    needs = made(Destination.GOOGLE_ADS, send_email=False, send_click_ids=True).needs
    assert (needs.email, needs.ip, needs.user_agent, needs.page_origin) == (False, False, "none", False)
    assert needs.click_ids == frozenset({"gclid", "wbraid", "gbraid"})


@pytest.mark.parametrize(
    ("transport", "url"),
    [("data_manager", "https://datamanager.googleapis.com"), ("ads_api", "https://googleads.googleapis.com")],
)
def test_the_address_follows_the_transport(transport: str, url: str) -> None:
    """Without an address each service is found at its own, which is one of the adapter's hosts; a test's address stays."""
    settings = adapter(transport=transport).settings
    assert settings.base_url == url
    assert url.removeprefix("https://") in GoogleAds.hosts
    assert adapter(transport=transport, base_url=url).settings.base_url == url
    assert adapter(transport=transport, base_url="http://127.0.0.1:8080").settings.base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("transport", "scope"),
    [("data_manager", "https://www.googleapis.com/auth/datamanager"), ("ads_api", "https://www.googleapis.com/auth/adwords")],
)
def test_the_scope_follows_the_transport(transport: str, scope: str) -> None:
    """Tokens are got for the service that is used: neither scope opens the other."""
    assert adapter(transport=transport).token_endpoint.scope == scope


def test_a_configuration_needs_no_address(tmp_path: Path) -> None:
    """A gateway that is told the older service goes to that service's own host, and to no test endpoint."""
    text = GOOD + (
        '[storefronts.demo.destinations.google_ads]\ncredential = "env:META"\noperating_account = "1234567890"\n'
        'conversion_actions = { purchase = "1" }\ntransport = "ads_api"\ndeveloper_token = "env:META"\n'
    )
    shop = load_text(tmp_path, text).storefronts[StorefrontId("demo")]
    assert shop.base_urls[Destination.GOOGLE_ADS] == "https://googleads.googleapis.com"
    assert shop.test_endpoints == frozenset()


@pytest.mark.parametrize("port", ["", ":443"])
def test_the_other_service_s_address_is_a_fault(tmp_path: Path, port: str) -> None:
    """An address that would answer nothing but errors is refused before anything starts, with a rule that says so."""
    text = GOOD + (
        '[storefronts.demo.destinations.google_ads]\ncredential = "env:META"\noperating_account = "1234567890"\n'
        f'conversion_actions = {{ purchase = "1" }}\ntransport = "ads_api"\nbase_url = "https://datamanager.googleapis.com{port}"\n'
    )
    rule = "the address is that of Google's other service; leave it out and the right one is taken"
    assert faults_of(tmp_path, text) == (f"storefronts.demo.destinations.google_ads: {rule}",)


def test_a_shared_action_is_a_fault_that_says_so(tmp_path: Path) -> None:
    """Two kinds of event with one conversion action would count as one."""
    text = GOOD + (
        '[storefronts.demo.destinations.google_ads]\ncredential = "env:META"\noperating_account = "1234567890"\n'
        'conversion_actions = { purchase = "123456789", page_view = "123456789" }\n'
    )
    where = "storefronts.demo.destinations.google_ads.conversion_actions"
    assert faults_of(tmp_path, text) == (f"{where}: each kind of event needs an action of its own",)


def test_what_a_request_carries_beside_the_token() -> None:
    """The developer token goes to the Google Ads API only, a quota project to both, a manager by header where it is one."""
    token, developer = Secret("t"), Secret("d")
    ads = adapter(transport="ads_api", login_account="9876543210", quota_project="shop-ads-1")
    assert GoogleAds.secrets == {"developer_token"}
    assert ads.access(token, {"developer_token": developer}) == Access(token, (("developer-token", developer),))
    assert ads.access(token, {}) == Access(token)
    assert adapter().access(token, {"developer_token": developer}) == Access(token)
    events = golden_events(["purchase"])
    assert ads.build(events).headers == (("login-customer-id", "9876543210"), ("x-goog-user-project", "shop-ads-1"))
    manager = adapter(login_account="9876543210", quota_project="123456789012")
    assert manager.build(events).headers == (("x-goog-user-project", "123456789012"),)
    asked = manager.ask_after(Receipt("r"))
    assert asked is not None
    assert asked.headers == (("x-goog-user-project", "123456789012"),)
    assert adapter(transport="ads_api", login_account="1234567890").build(events).headers == ()


TAKEN = Reply(200, {}, b'{"requestId":"r1"}')


def test_a_request_that_was_not_full_is_followed_by_a_rest() -> None:
    """So that a trickle of events does not use up the quota of requests; a full request, and a refused one, is not."""
    shipped = GoogleAdsSettings.model_fields["rest_seconds"].default
    assert 86_400 / shipped < 100_000
    resting = adapter(rest_seconds=shipped, batch_events=3)
    assert {verdict.after for verdict in resting.interpret(TAKEN, 2) if isinstance(verdict, Delivered)} == {shipped}
    assert {verdict.after for verdict in resting.interpret(TAKEN, 3) if isinstance(verdict, Delivered)} == {None}
    refused = Reply(400, {}, b'{"error":{"status":"INVALID_ARGUMENT"}}')
    assert resting.interpret(refused, 2) == adapter().interpret(refused, 2)
    assert {verdict.after for verdict in adapter().interpret(TAKEN, 2) if isinstance(verdict, Delivered)} == {None}


def test_of_rows_those_that_were_taken_ask_for_the_rest() -> None:
    """A request that was taken in part is followed by a rest too."""
    rows = b'{"results":[{},{"gclid":"x"}]}'
    verdicts = adapter(transport="ads_api", rest_seconds=2).interpret(Reply(200, {}, rows), 2)
    assert verdicts == (Maybe(Reason.COUNT_MISMATCH), Delivered(after=2.0))


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"operating_account": "123-456-7890"}, "10 digits, no hyphens"),
        ({"login_account": "123456789"}, "10 digits, no hyphens"),
        ({"login_account": "12345678901"}, "10 digits, no hyphens"),
        ({"conversion_actions": {"purchase": "customers/1/conversionActions/2"}}, "numeric id"),
        ({"conversion_actions": {"purchase": "1", "add_to_cart": "1"}}, "an action of its own"),
        ({"conversion_actions": {}}, "at least 1"),
        ({"conversion_actions": {"refund": "1"}}, "purchase"),
        ({"max_age_days": 90}, "max_age_days"),
        ({"transaction_ids": "raw"}, "transaction_ids"),
        ({"transport": "automatic"}, "transport"),
        ({"rest_seconds": -1}, "rest_seconds"),
        ({"rest_seconds": 61}, "rest_seconds"),
        ({"version": "26"}, "such as v26"),
        ({"version": "v26.0"}, "such as v26"),
        ({"quota_project": "Shop"}, "project's id or number"),
        ({"quota_project": "a\r\nb: c"}, "project's id or number"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], rule: str) -> None:
    """An account or action of another shape, a shared action, an unknown kind and an age past Google's are faults."""
    with pytest.raises(ValueError, match=rule):
        made(Destination.GOOGLE_ADS, **wrong)


def test_the_quota_is_the_published_one() -> None:
    """Requests a minute, and a day where there is such a limit."""
    assert made(Destination.GOOGLE_ADS).limits.quota == Quota(300, 100_000)
    assert made(Destination.GOOGLE_ADS, transport="ads_api").limits.quota == Quota(None, 15_000)
