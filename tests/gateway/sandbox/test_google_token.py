"""The token endpoint's stand-in judges as the published rules say, and by google-auth's own requests."""

import base64
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession, FormData
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.oauth2 import service_account as untyped_account

from gateway.model import Destination
from gateway.sandbox.google_token import AUDIENCE, TokenService, Trouble
from gateway.sandbox.platforms import Platforms
from tests.gateway.sandbox.samples import GOOGLE, google_body
from tests.gateway.sandbox.samples import NOW as SAMPLED_AT

google_account: Any = untyped_account.Credentials
NOW: Final = int(SAMPLED_AT)
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Scene:
    """The endpoint beside the platforms, a client, and an account with its key. `now` is the clock of all."""

    def __init__(self, service: TokenService, platforms: Platforms, client: ClientSession) -> None:
        self.now: float = NOW
        self.service = service
        self.platforms = platforms
        self.client = client
        self.document: dict[str, Any] = json.loads(service.make_account())

    async def ask(self, **form: str) -> tuple[int, Any]:
        """Post a form; status and answer."""
        assert self.platforms.token_url is not None
        async with self.client.post(self.platforms.token_url, data=FormData(form)) as answer:
            assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == int(self.now)
            return answer.status, await answer.json()

    async def send(self, token: str) -> tuple[int, Any]:
        """Post an event to Google with this token."""
        url = self.platforms.base_urls[Destination.GOOGLE_ADS] + GOOGLE
        async with self.client.post(url, json=google_body(), headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status, await answer.json()

    def assertion(self, header: object = None, **claims: Any) -> str:
        """Sign claims with the account's key; those that are usual are filled in."""
        usual = {"iss": self.document["client_email"], "scope": SCOPE, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 3600}
        parts = [header or {"alg": "RS256", "typ": "JWT"}, usual | claims]
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        key = load_pem_private_key(self.document["private_key"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return f"{signed}.{encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def encoded(content: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    """All running."""
    service = TokenService(clock=lambda: made.now)
    async with (
        Platforms.start(token_service=service, clock=lambda: NOW) as platforms,
        ClientSession() as client,
    ):
        made = Scene(service, platforms, client)
        yield made


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_assertion_of_googles_own_library_is_taken(scene: Scene) -> None:
    """What google-auth would send is right by definition."""
    theirs = google_account.from_service_account_info(scene.document, scopes=[SCOPE])
    made = theirs._make_authorization_grant_assertion()
    scene.now = json.loads(base64.urlsafe_b64decode(made.split(b".")[1] + b"=="))["iat"]
    status, answer = await scene.ask(grant_type=BEARER, assertion=made.decode())
    assert status == 200
    assert answer.keys() == {"access_token", "expires_in", "token_type"}
    assert scene.service.accepts(answer["access_token"])


async def test_a_refresh_token_is_taken(scene: Scene) -> None:
    """And the scopes that the person gave are named."""
    user = json.loads(scene.service.make_user())
    form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
    status, answer = await scene.ask(grant_type="refresh_token", **form)
    assert status == 200
    assert SCOPE in answer["scope"].split()


async def test_google_takes_exactly_the_tokens_that_were_given_out(scene: Scene) -> None:
    """Others, expired ones and those whose time is over are refused with Google's own reason."""
    _, answer = await scene.ask(grant_type=BEARER, assertion=scene.assertion())
    token = answer["access_token"]
    assert (await scene.send(token))[0] == 200
    assert (await scene.send("sandbox-google-token"))[0] == 401
    scene.now += 3599
    status, said = await scene.send(token)
    assert status == 401
    assert "ACCESS_TOKEN_EXPIRED" in json.dumps(said)
    scene.now = NOW
    assert (await scene.send(token))[0] == 200
    scene.service.expire()
    assert (await scene.send(token))[0] == 401


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "nobody@x.example"}, "invalid_grant"),
        ({"iss": None}, "invalid_grant"),
        ({"aud": "https://evil.example"}, "invalid_grant"),
        ({"exp": NOW + 3601}, "invalid_grant"),
        ({"exp": NOW}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"iat": None}, "invalid_grant"),
        ({"iat": NOW + 61, "exp": NOW + 3600}, "invalid_grant"),
        ({"iat": NOW - 3600, "exp": NOW - 61}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_a_claim_that_breaks_a_rule_is_refused(scene: Scene, claims: dict[str, Any], error: str) -> None:
    """Issuer, audience, times and scope."""
    status, answer = await scene.ask(grant_type=BEARER, assertion=scene.assertion(**claims))
    assert (status, answer["error"]) == (400, error)


async def test_a_signature_of_another_key_is_refused(scene: Scene) -> None:
    """As after the key was replaced."""
    scene.service.make_account(scene.document["client_email"])
    assert (await scene.ask(grant_type=BEARER, assertion=scene.assertion()))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("header", [{"alg": "none", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT"}, {"alg": "RS256"}])
async def test_another_algorithm_is_refused(scene: Scene, header: dict[str, str]) -> None:
    """Only RS256, said as a JWT says it."""
    assert (await scene.ask(grant_type=BEARER, assertion=scene.assertion(header)))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c.d", "e30.e30.e30=", "!.!.!", "W10.W10.W10", "e30.W10.W10"])
async def test_what_is_no_assertion_is_refused(scene: Scene, assertion: str) -> None:
    """Parts missing, padded, not base64url, or no objects."""
    assert (await scene.ask(grant_type=BEARER, assertion=assertion))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("client_id", (401, "invalid_client")),
        ("client_secret", (401, "invalid_client")),
        ("refresh_token", (400, "invalid_grant")),
    ],
)
async def test_a_client_and_its_token_have_to_be_right(scene: Scene, changed: str, expected: tuple[int, str]) -> None:
    """Each of the three."""
    user = json.loads(scene.service.make_user()) | {changed: "other"}
    form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
    status, answer = await scene.ask(grant_type="refresh_token", **form)
    assert (status, answer["error"]) == expected


async def test_another_grant_is_not_supported(scene: Scene) -> None:
    """Nor is none."""
    for form in ({"grant_type": "password"}, {"x": "y"}):
        assert (await scene.ask(**form))[1]["error"] == "unsupported_grant_type"


async def test_troubles_come_in_their_order_and_end(scene: Scene) -> None:
    """One request each; what came is noted without anything secret."""
    scene.service.meet(Trouble.INVALID_CLIENT, Trouble.OTHER_SCOPE)
    form = {"grant_type": BEARER, "assertion": scene.assertion()}
    assert await scene.ask(**form) == (401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
    assert (await scene.ask(**form))[1]["scope"] == "openid"
    assert (await scene.ask(**form))[0] == 200
    assert [(asked.grant_type, asked.status) for asked in scene.service.asked] == [(BEARER, 401), (BEARER, 200), (BEARER, 200)]
