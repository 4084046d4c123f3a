"""The tag over HTTP: compressed where that is taken, kept as long as its address allows, not sent twice."""

import gzip

import pytest

from gateway.listener import HEADERS
from gateway.tag import TAG, VERSION
from gateway.tag.serving import ETAG, serve_tag


@pytest.mark.parametrize(("accepted", "compressed"), [("gzip, br", True), ("GZIP", True), ("identity", False), ("", False)])
def test_it_is_compressed_for_whoever_takes_that(accepted: str, compressed: bool) -> None:
    """The same script either way."""
    told = serve_tag({"Accept-Encoding": accepted}, "")
    assert told.status == 200
    assert ("gzip" in told.extra.get("Content-Encoding", "")) is compressed
    assert (gzip.decompress(told.body) if compressed else told.body) == TAG
    assert told.extra["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("query", "kept"), [("", "max-age=3600"), (f"v={VERSION}", "immutable"), ("v=older", "max-age=3600")])
def test_only_the_address_of_this_version_is_kept_for_long(query: str, kept: str) -> None:
    """An address of another version must not bring this one for a year."""
    assert kept in serve_tag({}, query).extra["Cache-Control"]


def test_who_has_it_gets_nothing() -> None:
    """304, and how long it may be kept."""
    told = serve_tag({"If-None-Match": ETAG}, "")
    assert (told.status, told.body) == (304, b"")
    assert told.extra["ETag"] == ETAG


def test_every_page_may_load_it() -> None:
    """With and without CORS; it is a script and nothing else."""
    told = serve_tag({}, "")
    assert told.extra["Access-Control-Allow-Origin"] == "*"
    assert told.extra["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert told.type.startswith("text/javascript")
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
