"""The tag over HTTP: compressed where that is taken, kept as long as its address allows, not sent twice."""

import gzip

import pytest

from gateway.listener import HEADERS
from gateway.tag import TAG, VERSION
from gateway.tag.serving import serve_tag


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip, br", True), ("GZIP", True), ("identity", False), ("", False), ("br", False), ("gzippy", False),
        ("x-gzip", True), ("gzip;q=0", False), ("gzip ; Q=0.000, br", False), ("*;q=0, identity", False),
        ("*", True), ("br, *;q=0.1", True),
        ("gzip;q=0, *", False), ("*;q=0, gzip", True), ("identity;q=0", None), ("*;q=0", None),
        ("gzip;q=0, identity;q=0", None), ("br, identity;q=0", None), ("identity;q=0, gzip;q=0.001", True),
        ("identity;q=0, *", True), ("*;q=0, br", None),
        ("gzip;q=0.5, identity", False), ("gzip;q=0.5, identity;q=0.5", True), ("gzip;q=nan", False), ("gzip;q=", False),
        ("gzip;q=2", False), ("gzip;x=1", False), ("gzip, gzip;q=0", False), ("identity;q=x", False), (",, ;q=1", False),
    ],
)  # fmt: skip
def test_it_is_compressed_for_whoever_takes_that(accepted: str, compressed: bool | None) -> None:
    """The same script either way, as the weights say; nothing where neither is taken."""
    told = serve_tag({"Accept-Encoding": accepted}, "")
    assert told.extra["Vary"] == "Accept-Encoding"
    if compressed is None:
        assert (told.status, told.body) == (406, b"")
        assert told.extra["Cache-Control"] == "no-store"
        return
    assert told.status == 200
    assert ("gzip" in told.extra.get("Content-Encoding", "")) is compressed
    assert (gzip.decompress(told.body) if compressed else told.body) == TAG


@pytest.mark.parametrize(("query", "kept"), [("", "max-age=3600"), (f"v={VERSION}", "immutable"), ("v=older", "max-age=3600")])
def test_only_the_address_of_this_version_is_kept_for_long(query: str, kept: str) -> None:
    """An address of another version must not bring this one for a year."""
    assert kept in serve_tag({}, query).extra["Cache-Control"]


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_who_has_it_gets_nothing(accepted: str) -> None:
    """304, and how long it may be kept: by the tag that came with it, among others, or weakened on its way; and by `*`."""
    tag = serve_tag({"Accept-Encoding": accepted}, "").extra["ETag"]
    for said in (tag, f'"other", {tag}', f"W/{tag}", f'"other",W/{tag} , "more"', "*"):
        told = serve_tag({"Accept-Encoding": accepted, "If-None-Match": said}, "")
        assert (told.status, told.body, told.extra["ETag"]) == (304, b"", tag), said
        assert "Content-Encoding" not in told.extra


@pytest.mark.parametrize(("has", "asks"), [("gzip", "identity"), ("identity", "gzip")])
def test_who_has_it_in_the_other_coding_gets_it(has: str, asks: str) -> None:
    """A strong tag stands for bytes (RFC 9110, 8.8.3): a cache that was told 304 would give one coding for the other."""
    tag = serve_tag({"Accept-Encoding": has}, "").extra["ETag"]
    told = serve_tag({"Accept-Encoding": asks, "If-None-Match": tag}, "")
    assert (told.status, bool(told.body)) == (200, True)
    assert told.extra["ETag"] != tag


def test_every_page_may_load_it() -> None:
    """With and without CORS; it is a script and nothing else."""
    told = serve_tag({}, "")
    assert told.extra["Access-Control-Allow-Origin"] == "*"
    assert told.extra["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert told.type.startswith("text/javascript")
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
