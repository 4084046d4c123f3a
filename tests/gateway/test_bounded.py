import os
import threading
from pathlib import Path

import pytest

from gateway.bounded import PIECE, TooLarge, read_whole


@pytest.mark.parametrize("length", [0, 1, PIECE, 2 * PIECE + 1])
def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path, length: int) -> None:
    """To the byte: as long as the bound it is read, one byte longer it is not."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * length)
    assert read_whole(path, length) == b"x" * length
    path.write_bytes(b"x" * (length + 1))
    with pytest.raises(TooLarge):
        read_whole(path, length)


def test_what_comes_through_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """A shell hands over `<(…)` as one, and it comes in pieces."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"x" * 200_000,))
    writer.start()
    assert len(read_whole(path, 200_000)) == 200_000
    writer.join()


def test_what_has_no_end_is_not_read_for_ever() -> None:
    """Nor does it fill the memory."""
    with pytest.raises(TooLarge):
        read_whole(Path("/dev/zero"), 1000)
