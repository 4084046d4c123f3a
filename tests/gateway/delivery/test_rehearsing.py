"""Rehearsals at the wire: each platform in every mode that its stand-in has, and what is said then."""

import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from adapters import ADAPTERS
from gateway.adapter import Adapter, Quota, Way
from gateway.audit.advice import by_code
from gateway.audit.rehearsals import sentences
from gateway.delivery.contract import Contract
from gateway.delivery.credentials import ReferredCredential
from gateway.delivery.grants import read_credential
from gateway.delivery.login import Login
from gateway.delivery.oauth import Tokens
from gateway.delivery.patience import monotonic
from gateway.delivery.quota import Meter
from gateway.delivery.rehearsal import Finding
from gateway.delivery.rehearsing import rehearse
from gateway.delivery.route import Route
from gateway.delivery.transport import Transport
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.work import Lane
from gateway.references import Referent
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.google_ads import LATER
from gateway.sandbox.google_token import AUDIENCE, TokenService, Trouble
from gateway.sandbox.meta import MESSAGES, TITLES
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.secret import one_line
from gateway.settings import shipped
from tests.gateway.delivery.test_oauth import listening

META, PINTEREST, GOOGLE = Destination

BY_NAME: Final[Mapping[Destination, type[Adapter]]] = {adapter.destination: adapter for adapter in ADAPTERS}
SETTINGS: Final[Mapping[Destination, dict[str, Any]]] = {
    META: {"pixel_id": "1234567890"},
    PINTEREST: {"ad_account_id": "549755885175"},
    GOOGLE: {"operating_account": "1234567890", "conversion_actions": {"purchase": "11", "page_view": "13"}},
}


class Anywhere(frozenset[tuple[str, int]]):
    """Every place there is: whom a client may reach is shown elsewhere."""

    def __contains__(self, place: object) -> bool:
        """Say yes."""
        return True

    def __or__(self, other: object) -> "Anywhere":
        """Stay what it is."""
        return self


ANYWHERE: Final = Anywhere()
UNLIMITED: Final = Quota()


class There:
    """The platforms and a transport to them."""

    def __init__(self, platforms: Platforms, transport: Transport) -> None:
        self.platforms = platforms
        self.transport = transport
        self.tokens = Tokens(transport)
        self.ahead = 0.0
        self.switches = True
        """Whether the contracts know a live check's options."""

    def route(self, destination: Destination, *, secret: str | None = None, quota: Quota = UNLIMITED, **changes: Any) -> Route:
        """Make the way to a destination, with a token or key document, and with settings changed as said."""
        said = {"base_url": self.platforms.base_urls[destination], "credential": "env:TOKEN"} | SETTINGS[destination] | changes
        adapter = BY_NAME[destination](BY_NAME[destination].Settings(**said))
        reading = partial(read_credential, token_url=AUDIENCE)
        further = {"developer_token": Referent("env:DEV", Path(), {"DEV": "developer-token"}, one_line)}
        env = {"TOKEN": secret or TOKENS[destination]}
        login = Login(Referent("env:TOKEN", Path(), env, reading), further if "transport" in changes else {})
        credential = ReferredCredential(adapter, login, self.tokens)
        file = shipped(destination)
        if not self.switches:
            file = file.model_copy(update={"live_check": ()})
        contract = Contract(file, {"click_id"}, endpoint=said["base_url"])
        lane = Lane(StorefrontId("shop"), destination)
        return Route(lane, adapter, said["base_url"], credential, contract, 0, Meter(quota))

    async def rehearse(
        self, destination: Destination, test_code: str | None = None, *, secret: str | None = None, **changes: Any
    ) -> Finding:
        """Try a destination out."""
        route = self.route(destination, secret=secret, **changes)
        return await rehearse(route, self.transport, lambda: time.time() + self.ahead, test_code)


@pytest_asyncio.fixture
async def there() -> AsyncIterator[There]:
    """Three platforms that take everything and keep it whole."""
    async with (
        Platforms.start(keep=10) as platforms,
        Transport(hosts=ANYWHERE, token_hosts=ANYWHERE, connect_seconds=1.0) as transport,
    ):
        there = There(platforms, transport)
        yield there
        await there.tokens.close()


@pytest.mark.parametrize("destination", Destination)
async def test_a_destination_in_order_is_well_and_records_nothing(there: There, destination: Destination) -> None:
    """One request, none of whose events any platform keeps."""
    finding = await there.rehearse(destination)
    ways = {META: Way.TOO_OLD, PINTEREST: Way.TEST_MODE, GOOGLE: Way.VALIDATED}
    assert (finding.way, finding.well, finding.recorded) == (ways[destination], True, False)
    assert len(there.platforms[destination].heard) == 1
    assert len(there.platforms[destination].ledger) == 0


@pytest.mark.parametrize(
    ("destination", "code", "place"),
    [(META, "TEST1", "test_event_code: text"), (PINTEREST, None, "?test: text"), (GOOGLE, None, "validateOnly: boolean")],
)
async def test_what_the_contract_does_not_let_out_is_not_tried(
    there: There, destination: Destination, code: str | None, place: str
) -> None:
    """A privacy team may leave the platforms' test switches out: nothing is sent, and the place is named."""
    there.switches = False
    finding = await there.rehearse(destination, code)
    assert (finding.well, finding.sent, finding.reason) == (False, False, Reason.CONTRACT)
    said = " ".join(sentences(destination, finding))
    assert f"nothing was sent. It was {place}." in said
    assert "was sent one" not in said
    assert not there.platforms[destination].heard


async def test_a_test_code_has_metas_answer_to_a_young_event(there: There) -> None:
    """Given or configured: a page view under it, which is taken, and is said to count."""
    for given, configured in (("TEST1", None), (None, "TEST2"), ("TEST3", "TEST2")):
        finding = await there.rehearse(META, given, test_event_code=configured)
        assert (finding.way, finding.well, finding.recorded) == (Way.TEST_EVENT, True, True)
        body = there.platforms[META].heard[-1].body
        assert f'"test_event_code":"{given or configured}"'.encode() in body
        assert b'"event_name":"PageView"' in body
    assert {taken.name for taken in there.platforms[META].ledger} == {"PageView"}


async def test_google_is_asked_about_every_conversion_action(there: There) -> None:
    """In one request; where the settings keep e-mail addresses from it, by a click id, and by none where both may go."""
    settings: tuple[dict[str, Any], ...] = ({}, {"send_click_ids": True}, {"send_email": False, "send_click_ids": True})
    for changes in settings:
        assert (await there.rehearse(GOOGLE, **changes)).well
        body = there.platforms[GOOGLE].heard[-1].body
        assert b'"validateOnly":true' in body
        assert body.count(b'"productDestinationId"') == body.count(b'"transactionId"') == 2
        by_click = "send_email" in changes
        assert (body.count(b'"gclid"'), body.count(b'"emailAddress"')) == ((2, 0) if by_click else (0, 2))


async def test_the_kind_whose_conversion_action_is_wrong_is_named(there: There) -> None:
    """With either service; where it refuses the request whole, each kind is asked about by itself, and none is recorded."""
    there.platforms[GOOGLE].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant="no_action", names=frozenset({"13"})))
    for changes, requests in (({}, 3), ({"transport": "ads_api"}, 1)):
        there.platforms[GOOGLE].heard.clear()
        finding = await there.rehearse(GOOGLE, **changes)
        assert (finding.well, finding.reason, finding.kinds) == (False, Reason.CONFIGURATION, (Kind.PAGE_VIEW,))
        assert "This is so of: page_view." in " ".join(sentences(GOOGLE, finding))
        assert len(there.platforms[GOOGLE].heard) == requests
    assert len(there.platforms[GOOGLE].ledger) == 0


async def test_asking_for_each_kind_counts_against_the_quota(there: There) -> None:
    """Each such request takes a place, so that what is tried out leaves the shop's events no less than was granted."""
    there.platforms[GOOGLE].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, variant="no_action", names=frozenset({"13"})))
    route = there.route(GOOGLE, quota=Quota(requests_per_minute=10))
    await rehearse(route, there.transport, time.time, None)
    assert route.meter.wait(monotonic()) > 0  # two places are saved up
    assert len(there.platforms[GOOGLE].heard) == 3


async def test_googles_other_service_is_asked_where_it_is_used(there: There) -> None:
    """Whose check takes nothing either; an account that it is closed to is told what to do."""
    finding = await there.rehearse(GOOGLE, transport="ads_api")
    assert (finding.way, finding.well, finding.recorded) == (Way.VALIDATED, True, False)
    assert b'"validateOnly":true' in there.platforms[GOOGLE].heard[-1].body
    assert len(there.platforms[GOOGLE].ledger) == 0
    there.platforms[GOOGLE].switch.set(Behaviour(mode=Mode.PERMISSION, variant="not_allowlisted"))
    finding = await there.rehearse(GOOGLE, transport="ads_api")
    assert finding.well is False
    assert 'Set `transport = "data_manager"`' in " ".join(sentences(GOOGLE, finding))


MODES: Final = [(destination, mode) for destination in Destination for mode in Mode if mode is not Mode.SUCCESS]
ANSWERED_WELL: Final[frozenset[tuple[object, ...]]] = frozenset(
    {
        # Everything that is too old is refused before anybody is picked or counted.
        *((META, mode) for mode in (Mode.REFUSE_EVENTS, Mode.COUNT_MISMATCH)),
        *((destination, Mode.SLOW) for destination in Destination),  # the answer comes in time
        (GOOGLE, Mode.COUNT_MISMATCH),  # a check has no request id to leave out
        *((GOOGLE, Mode.REFUSE_EVENTS, variant) for variant in LATER),  # taken now, refused in processing
    }
)
"""Modes, some with their variants, in which the rehearsal goes well all the same."""


@pytest.mark.parametrize(("destination", "mode"), MODES)
async def test_every_fault_is_told_in_words(there: There, destination: Destination, mode: Mode) -> None:
    """In each mode and variant: not well, with advice that is more than the reason's where a code is known; no echo."""
    stand_in = there.platforms[destination]
    for variant in stand_in.voice.variants.get(mode) or (None,):
        stand_in.switch.set(Behaviour(mode=mode, variant=variant, fraction=1.0, seconds=0.1))
        finding = await there.rehearse(destination)
        said = " ".join(sentences(destination, finding))
        well = not ANSWERED_WELL.isdisjoint({(destination, mode), (destination, mode, variant)})
        assert finding.well is well, (variant, finding)
        bare = finding.code is None or finding.code.startswith(("http-", "-"))  # Meta's negative codes say nothing
        new = finding.reason is Reason.UNKNOWN_ERROR
        assert bare or new or by_code(destination, finding.reason, finding.code) is not None
        texts = [TOKENS[destination], "rehearsal", *(title for titles in TITLES.values() for title in titles)]
        assert not [text for text in (*texts, *(message[:20] for message in MESSAGES)) if text in said + repr(finding)]
    assert len(stand_in.ledger) == 0


CAUSES: Final = [
    (META, Mode.EXPIRED_TOKEN, "401", "The access token has expired."),
    (META, Mode.EXPIRED_TOKEN, "password_changed", "The token died with its owner's old password."),
    (META, Mode.PERMISSION, "200", "The token may not send events to this data set."),
    (META, Mode.PERMISSION, "dataset", "There is no such data set, or the token may not see it."),
    (META, Mode.THROTTLE, "abuse", "Meta has cut the quota, as it does against abuse."),
    (PINTEREST, Mode.EXPIRED_TOKEN, "401", "The token is not valid, or was revoked."),
    (PINTEREST, Mode.EXPIRED_TOKEN, "scopes", "The token lacks the rights to send conversions (`ads:write`)."),
    (PINTEREST, Mode.PERMISSION, "403", "The token may not use this ad account."),
    (PINTEREST, Mode.PERMISSION, "404", "There is no such ad account."),
    (PINTEREST, Mode.PERMISSION, "disapproved", "The ad account was disapproved."),
    (PINTEREST, Mode.SERVER_ERROR, "ramped_down", "Pinterest has switched this endpoint off for now."),
    (GOOGLE, Mode.EXPIRED_TOKEN, "401", "The access token is not valid or has expired."),
    (GOOGLE, Mode.PERMISSION, "scope", "The token was made for another of Google's APIs."),
    (GOOGLE, Mode.PERMISSION, "account", "The credential may not use this Google Ads account."),
    (GOOGLE, Mode.PERMISSION, "disabled", "The API is not switched on in the credential's Cloud project."),
    (GOOGLE, Mode.PERMISSION, "not_found", "Google does not know the account or conversion action."),
    (GOOGLE, Mode.PERMISSION, "terms", "The account has not accepted the terms for customer data."),
    (GOOGLE, Mode.THROTTLE, "per_day", "The Cloud project's quota is used up for the moment."),
]


@pytest.mark.parametrize(("destination", "mode", "variant", "cause"), CAUSES)
async def test_the_cause_is_named(there: There, destination: Destination, mode: Mode, variant: str, cause: str) -> None:
    """What a merchant can mend is told as what it is."""
    there.platforms[destination].switch.set(Behaviour(mode=mode, variant=variant))
    assert cause in list(sentences(destination, await there.rehearse(destination)))


@pytest.mark.parametrize("destination", Destination)
async def test_a_host_that_cannot_be_reached_is_told_with_what_stands_in_the_way(
    there: There, destination: Destination
) -> None:
    """No such name, nobody there, no TLS where TLS was asked for."""
    for url, code in (
        ("http://nowhere.invalid", "name"),
        ("http://127.0.0.1:9", "refused"),
        (there.platforms.base_urls[destination].replace("http:", "https:"), "tls"),
    ):
        finding = await there.rehearse(destination, base_url=url)
        assert (finding.well, finding.reason, finding.code) == (False, Reason.NOT_CONNECTED, PlatformCode(code))


@pytest.mark.parametrize("destination", Destination)
async def test_a_wrong_clock_is_found(there: There, destination: Destination) -> None:
    """By the date of the answer; a clock that is a little off is no matter."""
    for ahead, well in ((400, False), (-400, False), (30, True)):
        there.ahead = ahead
        finding = await there.rehearse(destination)
        assert finding.clock_ahead is not None
        assert abs(finding.clock_ahead - ahead) <= 2
        assert finding.well is well


TROUBLES: Final = {
    Trouble.INVALID_GRANT: ("invalid_grant", "revoked or has expired"),
    Trouble.INVALID_CLIENT: ("invalid_client", "does not know the client"),
    Trouble.INVALID_SCOPE: ("invalid_scope", "may not ask for this API"),
    Trouble.OTHER_SCOPE: ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "made for another of Google's APIs"),
}


async def test_without_a_token_no_event_is_sent(there: There) -> None:
    """What the token endpoint says is told in the same words, and the platform hears nothing."""
    service = TokenService()
    async with listening(service.app()) as url:
        for trouble, (code, said) in TROUBLES.items():
            service.meet(trouble)
            finding = await there.rehearse(GOOGLE, secret=service.make_user(), token_url=url)
            assert (finding.well, finding.code) == (False, code)
            assert said in " ".join(sentences(GOOGLE, finding))
    finding = await there.rehearse(GOOGLE, secret=service.make_user(), token_url="http://127.0.0.1:9/token")
    assert (finding.well, finding.reason, finding.code) == (False, Reason.NOT_CONNECTED, "refused")
    assert not there.platforms[GOOGLE].heard


async def test_a_token_that_is_refused_is_not_shown_again_where_another_can_be_got() -> None:
    """One that was revoked before its time: the first look says so, and the next shows a fresh one."""
    service = TokenService()
    async with (
        Platforms.start(token_service=service) as platforms,
        Transport(hosts=ANYWHERE, token_hosts=ANYWHERE, connect_seconds=1.0) as transport,
    ):
        there = There(platforms, transport)
        route = there.route(GOOGLE, secret=service.make_account(), token_url=platforms.token_url)
        findings = [await rehearse(route, transport, time.time, None)]
        service.expire()
        findings += [await rehearse(route, transport, time.time, None) for _ in range(3)]
        await there.tokens.close()
    assert [finding.well for finding in findings] == [True, False, True, True]
    assert len(service.asked) == 2
