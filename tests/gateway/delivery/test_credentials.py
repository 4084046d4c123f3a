"""A credential is what its references say at the moment: a token, a key document, and either of them written anew."""

import asyncio
import hmac
import json
import os
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.adapter import Access, TokenEndpoint
from gateway.delivery.credentials import TOGETHER, ReferredCredential, Standing, watch
from gateway.delivery.grants import CredentialKind, read_credential
from gateway.delivery.login import Login
from gateway.delivery.oauth import Tokens
from gateway.delivery.transport import Transport
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Pause
from gateway.model.words import Reason
from gateway.references import LOOK_SECONDS, Referent
from gateway.sandbox.google_token import AUDIENCE, TokenService, Trouble
from gateway.secret import Secret, one_line
from tests.gateway.delivery.clearing import hosts
from tests.gateway.delivery.scene import Plain, PlainSettings
from tests.gateway.delivery.test_oauth import SCOPE, listening

READ = partial(read_credential, token_url=AUDIENCE)


class Proving(Plain):
    """A platform that wants a proof beside the token, as Meta does."""

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """Derive the proof where there is a secret for it."""
        if "app_secret" not in secrets:
            return Access(token)
        proof = hmac.digest(secrets["app_secret"].reveal().encode(), token.reveal().encode(), "sha256").hex()
        return Access(token, query=(("proof", Secret(proof)),))


class Scene:
    """Credentials of files in a folder; `now` is the monotonic clock, which tests move."""

    def __init__(self, folder: Path, service: TokenService, url: str, transport: Transport) -> None:
        self.folder = folder
        self.service = service
        self.now = 100.0
        self.tokens = Tokens(transport, monotonic=lambda: self.now)
        self.adapter = Proving(PlainSettings(base_url="http://127.0.0.1:1", credential="file:credential"))
        self.adapter.token_endpoint = TokenEndpoint(url, AUDIENCE, SCOPE)
        self.told: list[bool] = []

    def write(self, text: str, name: str = "credential", mode: int = 0o600) -> Path:
        """Put a file in its place in one go, as a careful operator does."""
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text)
        fresh.chmod(mode)
        return fresh.rename(self.folder / name)

    def credential(self, reference: str = "file:credential", *secrets: str, **env: str) -> ReferredCredential:
        """Make the credential of what lies there."""
        further = {name: Referent(f"file:{name}", self.folder, {}, one_line) for name in secrets}
        return ReferredCredential(
            self.adapter, Login(Referent(reference, self.folder, env, READ), further), self.tokens, self.told.append
        )

    def later(self) -> None:
        """Let the time pass after which files are looked at again."""
        self.now += LOOK_SECONDS


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """An empty folder, and a token endpoint."""
    service = TokenService()
    async with listening(service.app()) as url, Transport(hosts=frozenset(), token_hosts=hosts(url)) as transport:
        made = Scene(tmp_path, service, url, transport)
        yield made
        await made.tokens.close()


async def token_of(credential: ReferredCredential) -> str:
    """The token that it gives now."""
    access = await credential.access()
    assert isinstance(access, Access)
    return access.token.reveal()


# ── a token ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_is_given_as_it_stands_there(scene: Scene) -> None:
    """From a variable or a file; it does not print."""
    scene.write("tok-canary\n")
    for credential in (scene.credential(), scene.credential("env:TOKEN", TOKEN="tok-canary")):
        assert await credential.access() == Access(Secret("tok-canary"))
        assert credential.standing == Standing(CredentialKind.TOKEN, 0.0)
        assert "canary" not in repr(credential)


async def test_a_replaced_file_counts_from_the_next_request_on(scene: Scene) -> None:
    """Within a second of being asked, without a restart; the age begins anew and it is told."""
    scene.write("old")
    credential = scene.credential()
    scene.write("new")
    scene.now += 5
    assert credential.standing.seconds == 5
    assert await token_of(credential) == "new"
    assert credential.standing.seconds == 0
    assert (credential.renewals, scene.told) == (1, [True])


async def test_a_file_is_looked_at_once_a_second_at_most(scene: Scene) -> None:
    """A look costs a system call, and a busy lane asks very often."""
    scene.write("first")
    credential = scene.credential()
    assert await token_of(credential) == "first"
    scene.write("second")
    scene.now += LOOK_SECONDS / 2
    assert await token_of(credential) == "first"
    scene.later()
    assert await token_of(credential) == "second"


async def test_a_file_rewritten_in_place_counts_too(scene: Scene) -> None:
    """Not everybody replaces; the size may stay the same."""
    path = scene.write("token-1")
    credential = scene.credential()
    assert await token_of(credential) == "token-1"
    path.write_text("token-2")
    os.utime(path, ns=(1, 1))
    scene.later()
    assert await token_of(credential) == "token-2"


async def test_what_cannot_be_used_is_left_out_and_the_old_one_stays(scene: Scene) -> None:
    """Gone, empty, open to others, or half of a document: the next look may find better. It is told once, when it lasts."""
    scene.write("good")
    credential = scene.credential()
    for spoil in (
        lambda: scene.write(""),
        lambda: scene.write("two\nlines"),
        lambda: scene.write("readable", mode=0o644),
        lambda: scene.write('{"type": "service_account"'),
        (scene.folder / "credential").unlink,
    ):
        scene.told.clear()
        _ = spoil()
        for _ in range(4):
            scene.later()
            assert await token_of(credential) == "good"
        assert scene.told == [False]
        scene.write("good")
        scene.later()
        assert await token_of(credential) == "good"
        assert scene.told == [False, True]


async def test_a_file_that_is_empty_for_a_moment_is_not_told(scene: Scene) -> None:
    """It is being written."""
    path = scene.write("old")
    credential = scene.credential()
    path.write_text("")
    scene.later()
    assert await token_of(credential) == "old"
    path.write_text("new")
    scene.later()
    assert await token_of(credential) == "new"
    assert scene.told == [True]


async def test_each_time_that_it_lasts_is_told(scene: Scene) -> None:
    """Also when the very same file had come back in between."""
    path = scene.write("good")
    credential = scene.credential()
    for _ in range(2):
        path.rename(scene.folder / "away")
        for _ in range(3):
            scene.later()
            assert await token_of(credential) == "good"
        (scene.folder / "away").rename(path)
        scene.later()
        assert await token_of(credential) == "good"
    assert scene.told.count(False) == 2


async def test_further_secrets_are_looked_at_too(scene: Scene) -> None:
    """A proof is made of the token and the secret as both are now."""
    scene.write("token")
    scene.write("secret-1", "app_secret")
    credential = scene.credential("file:credential", "app_secret")
    first = await credential.access()
    scene.write("secret-2", "app_secret")
    scene.later()
    second = await credential.access()
    assert isinstance(first, Access)
    assert isinstance(second, Access)
    assert first.token == second.token
    assert first.query != second.query
    assert credential.renewals == 1


async def test_a_variable_cannot_change(scene: Scene) -> None:
    """The environment of a process is what it was started with."""
    environment = {"TOKEN": "first"}
    credential = ReferredCredential(
        scene.adapter, Login(Referent("env:TOKEN", scene.folder, environment, READ), {}), scene.tokens
    )
    environment["TOKEN"] = "second"
    scene.later()
    assert await token_of(credential) == "first"


# ── refused by the platform ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_token_of_a_person_is_the_same_again(scene: Scene) -> None:
    """There is no other, unless its file was replaced meanwhile, by whomever that was noticed."""
    scene.write("old")
    credential = scene.credential()
    access = await credential.access()
    assert isinstance(access, Access)
    assert not credential.refused(access)
    scene.write("new")
    scene.later()
    assert credential.refused(access)
    assert credential.refused(access)
    assert await token_of(credential) == "new"


async def test_a_new_secret_beside_the_same_token_is_worth_another_try(scene: Scene) -> None:
    """Meta refuses a wrong proof as it does a wrong token."""
    scene.write("token")
    scene.write("wrong", "app_secret")
    credential = scene.credential("file:credential", "app_secret")
    access = await credential.access()
    assert isinstance(access, Access)
    scene.write("right", "app_secret")
    scene.later()
    assert credential.refused(access)


async def test_a_refused_token_that_was_got_is_got_anew(scene: Scene) -> None:
    """Revoked or expired early: the next one is another."""
    scene.write(scene.service.make_account())
    credential = scene.credential()
    access = await credential.access()
    assert isinstance(access, Access)
    assert credential.refused(access)
    assert await token_of(credential) != access.token.reveal()
    assert len(scene.service.asked) == 2


# ── key documents ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_lanes_with_the_same_document_share_a_token(scene: Scene) -> None:
    """Each has its own file and look, and the endpoint is asked once."""
    document = scene.service.make_account()
    scene.write(document)
    scene.write(document, "other")
    one, other = scene.credential(), scene.credential("file:other")
    assert await token_of(one) == await token_of(other)
    assert len(scene.service.asked) == 1


async def test_the_standing_is_that_of_the_token_in_use(scene: Scene) -> None:
    """None before there is one; then its age, and what it was got with."""
    scene.write(scene.service.make_user())
    credential = scene.credential()
    assert credential.standing == Standing(CredentialKind.AUTHORIZED_USER, None)
    await credential.access()
    scene.now += 7
    assert credential.standing == Standing(CredentialKind.AUTHORIZED_USER, 7.0)


async def test_a_trouble_of_the_endpoint_is_the_credentials_verdict(scene: Scene) -> None:
    """It is handed on as it is."""
    scene.write(scene.service.make_account())
    scene.service.meet(Trouble.INVALID_GRANT)
    assert await scene.credential().access() == Pause(Reason.CREDENTIAL, PlatformCode("invalid_grant"))


async def test_a_new_document_brings_a_new_token(scene: Scene) -> None:
    """And a token can take a document's place, and the other way about."""
    scene.write(scene.service.make_account())
    credential = scene.credential()
    first = await token_of(credential)
    scene.write(scene.service.make_account())
    scene.later()
    second = await token_of(credential)
    assert scene.service.accepts(second)
    assert second != first
    scene.write("ya29.plain")
    scene.later()
    assert await token_of(credential) == "ya29.plain"
    assert credential.standing.kind is CredentialKind.TOKEN
    scene.write(scene.service.make_user())
    scene.later()
    assert scene.service.accepts(await token_of(credential))


async def test_a_document_that_leads_elsewhere_is_not_taken_in_later_either(scene: Scene) -> None:
    """The rules of the start hold for what is written afterwards."""
    document = scene.service.make_account()
    scene.write(document)
    credential = scene.credential()
    first = await token_of(credential)
    scene.write(json.dumps(json.loads(document) | {"token_uri": "https://evil.example/token"}))
    for _ in range(3):
        scene.later()
        assert await token_of(credential) == first
    assert scene.told == [False]


def test_a_document_for_a_platform_without_an_endpoint_is_a_bug(scene: Scene) -> None:
    """The configuration's reader lets none through."""
    scene.write(scene.service.make_account())
    scene.adapter.token_endpoint = None
    with pytest.raises(TypeError, match="without a token endpoint"):
        scene.credential()


# ── waiting for another ──────────────────────────────────────────────────────────────────────────────────────────


async def test_waiting_ends_when_the_file_was_replaced(scene: Scene) -> None:
    """And not before."""
    scene.write("old")
    credential = scene.credential()
    scene.tokens.monotonic = asyncio.get_running_loop().time
    waiting = asyncio.create_task(credential.renewed(0))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    scene.write("new")
    async with asyncio.timeout(3 * LOOK_SECONDS):
        await waiting
    assert credential.renewals == 1


async def test_what_another_noticed_first_ends_the_waiting_too(scene: Scene) -> None:
    """Two ask the same credential; the one that waits must not miss what the other took in."""
    scene.write("old")
    credential = scene.credential()
    seen = credential.renewals
    scene.write("new")
    scene.later()
    await credential.access()
    async with asyncio.timeout(0.2):
        await credential.renewed(seen)


async def test_a_lane_that_asks_for_nothing_is_looked_at_too(scene: Scene) -> None:
    """It hears of what cannot be used, and of what can again, before the next event needs it."""
    scene.write("old")
    credential = scene.credential()
    watching = asyncio.create_task(watch([credential], 0.0))
    scene.write("no token\nat all")
    for _ in range(2):
        scene.later()
        await asyncio.sleep(0.25)
    assert scene.told == [False]
    scene.write("new")
    scene.later()
    await asyncio.sleep(0.25)
    assert scene.told == [False, True]
    assert not watching.done()
    watching.cancel()


async def test_of_many_lanes_each_is_looked_at() -> None:
    """A piece at a time, so that nothing else waits for thousands."""
    looked: list[int] = []

    class Lane:
        def __init__(self, number: int) -> None:
            self.number = number

        def look(self) -> None:
            looked.append(self.number)

    watching = asyncio.create_task(watch([Lane(number) for number in range(TOGETHER + 1)], 60.0))
    await asyncio.sleep(0)
    assert looked == list(range(TOGETHER))
    await asyncio.sleep(0.3)
    assert looked == list(range(TOGETHER + 1))
    watching.cancel()
