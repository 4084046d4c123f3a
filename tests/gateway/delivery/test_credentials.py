"""A static token is the access it was made of."""

from gateway.adapter import Access
from gateway.delivery.credentials import Credential, StaticToken
from gateway.secret import Secret


async def test_a_static_token_is_always_the_same() -> None:
    """It gives its access each time, and does not print it."""
    credential: Credential = StaticToken(Access(Secret("tok-canary")))
    assert await credential.access() == await credential.access() == Access(Secret("tok-canary"))
    assert "canary" not in repr(credential)
