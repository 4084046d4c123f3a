"""Forms as browsers send them, and as those who pretend to be one; over real sockets in `test_site`."""

import pytest

from gateway.console.forms import MOST_FIELDS, boundary_of, parted

FILE = b'--x\r\nContent-Disposition: form-data; name="list"; filename="a"\r\nContent-Type: text/csv\r\n\r\n1;2\r\n\r\n--\r\n'
FIELD = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\xc3\xa9\r\n'
END = b"--x--\r\n"


def test_fields_and_files_are_told_apart() -> None:
    """A part with a file's name is a file, byte for byte; any other is a field, in UTF-8. The last of a name counts."""
    form = parted(FIELD + FILE + FIELD.replace(b"\xc3\xa9", b"") + END, b"x")
    assert (form.fields, form.files) == ({"csrf": ""}, {"list": b"1;2\r\n\r\n--"})
    assert parted(FILE.replace(b'filename="a"', b"filename*=utf-8''a") + END, b"x").files == form.files
    assert parted(END, b"x").fields == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n",
        b"\r\n" + FIELD + END,  # what stands before the first part is nobody's, and may be long
        FIELD,
        FIELD + b"--xy--\r\n",
        FIELD + b"--x \r\n\r\n\r\n" + END,
        b"--x\r\nX: y\r\n\r\nz\r\n" + END,
        b"--x\r\n\r\nz\r\n" + END,
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n' + END,
        b'--x\r\nContent-Disposition: attachment; name="a"\r\n\r\nz\r\n' + END,
        b"--x\r\nContent-Disposition: form-data\r\n\r\nz\r\n" + END,
        b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"\r\n\r\nz\r\n' + END,
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n' + END,
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nz\r\n' + END,
        FIELD * (MOST_FIELDS + 1) + END,
    ],
)
def test_what_is_no_whole_form_is_none(body: bytes) -> None:
    """Nothing is guessed, and nothing but ValueError is raised."""
    with pytest.raises(ValueError, match=r".*"):
        parted(body, b"x")


def test_as_many_parts_as_there_may_be() -> None:
    """A form of the most fields is whole."""
    assert parted(FIELD * MOST_FIELDS + END, b"x").fields == {"csrf": "é"}


@pytest.mark.parametrize(
    ("said", "boundary"),
    [
        ("multipart/form-data; boundary=----WebKitFormBoundaryX", b"----WebKitFormBoundaryX"),
        ('multipart/form-data; charset=utf-8; boundary="a b"; x=y', b"a b"),
        ("multipart/form-data; BOUNDARY=x", b"x"),
    ],
)
def test_a_forms_boundary_is_read(said: str, boundary: bytes) -> None:
    """As browsers and libraries write it."""
    assert boundary_of(said) == boundary


@pytest.mark.parametrize(
    "said", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}", "boundary=é"]
)
def test_a_form_without_a_boundary_is_none(said: str) -> None:
    """There is nothing to part it by."""
    with pytest.raises(ValueError, match=r".*"):
        boundary_of(said)
