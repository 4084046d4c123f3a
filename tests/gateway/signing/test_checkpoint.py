from typing import Final

import pytest

from gateway.signing.checkpoint import BadCheckpoint, Checkpoint, split_notes
from gateway.signing.note import SigningKey
from gateway.signing.tree import EMPTY_ROOT

# https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md (read 2026-11-26)
PUBLISHED: Final = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
KEY: Final = SigningKey("example.com/log", bytes(32))


def test_the_published_checkpoint_is_read_and_written() -> None:
    """Origin, size and root, and back to the same text."""
    checkpoint = Checkpoint.read(PUBLISHED)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.body == PUBLISHED


def test_an_empty_log_has_a_checkpoint_too() -> None:
    """Size 0 and the root of nothing; lines of others are kept."""
    checkpoint = Checkpoint("a", 0, EMPTY_ROOT, ("more",))
    assert Checkpoint.read(checkpoint.body) == checkpoint


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a\n1\n",
        PUBLISHED[:-1],
        PUBLISHED + "\n",
        PUBLISHED.replace("example", "\nexample"),
        PUBLISHED.replace("20852163", "020852163"),
        PUBLISHED.replace("20852163", "-1"),
        PUBLISHED.replace("20852163", "9223372036854775808"),
        PUBLISHED.replace("20852163", "٣"),
        PUBLISHED.replace("q2I=", "q2J="),
        PUBLISHED.replace("CsUY", "CsU"),
        PUBLISHED.replace("CsUY", "????"),
        "a\n1\nAAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(body: str) -> None:
    """Lines that are missing or empty, a size that is not written the one way, a root that is no hash."""
    with pytest.raises(BadCheckpoint):
        Checkpoint.read(body)


def test_a_file_of_notes_is_split() -> None:
    """Appended one after the other with a blank line between; what a crash cut short at the end is left out."""
    first, second = (KEY.sign(Checkpoint("example.com/log", size, EMPTY_ROOT).body) for size in (1, 2))
    assert split_notes(first) == [first]
    assert split_notes(f"{first}\n{second}\n") == [first, second]
    for length in range(1, len(second)):
        assert split_notes(f"{first}\n{second[:length]}") == [first]
        assert split_notes(f"{first}\n{second[:length].rstrip()}\n\n{second}\n")[-1] == second
    assert split_notes("") == []
