"""What leaves is put together once, and nothing is added afterwards."""

from gateway.adapter import Access, Request
from gateway.delivery.outgoing import FIXED_HEADERS, compose
from gateway.secret import Secret


def test_request_and_access_become_one() -> None:
    """Path, proofs, the request's own headers, the access's, and the token last."""
    access = Access(Secret("tok"), headers=(("developer-token", Secret("dev")),), query=(("proof", Secret("a+b/c")),))
    outgoing = compose("https://platform.example", Request("/x?v=1", b"{}", headers=(("login", "1"),)), access)
    assert (outgoing.method, outgoing.origin, outgoing.target) == ("POST", "https://platform.example", "/x?v=1&proof=a%2Bb%2Fc")
    assert outgoing.headers == (*FIXED_HEADERS, ("login", "1"), ("developer-token", "dev"), ("Authorization", "Bearer tok"))
    assert outgoing.body == b"{}"


def test_a_proof_begins_a_query_where_there_is_none() -> None:
    """And without a proof there is none."""
    proof = Access(Secret("tok"), query=(("a", Secret("~._-")), ("b", Secret("&"))))
    assert compose("https://p", Request("/x", b"", "GET"), proof).target == "/x?a=~._-&b=%26"
    assert compose("https://p", Request("/x", b"", "GET"), Access(Secret("tok"))).target == "/x"
