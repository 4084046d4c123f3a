"""One process of references for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.iab.reference import Reference, running


@pytest.fixture(scope="session")
def reference() -> Iterator[Reference]:
    """The references, started once."""
    with running() as started:
        yield started
