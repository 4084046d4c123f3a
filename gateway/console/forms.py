"""Forms: what a browser posts, read whole within its page's bounds, and only then parted.

Anybody who reaches the listener may post a form to sign in, so what one costs is bounded before it is looked at: by its bytes,
whatever they are, and its time. A form is what browsers send (https://html.spec.whatwg.org/#multipart-form-data); whatever
mail may have beside it (text before the first part, parts within parts, encodings) is no form here.
"""

import re
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from gateway.console.page import Act, Form
from gateway.listener import Answer, closing, problem, read_bounded

FORM_TYPE: Final = "application/x-www-form-urlencoded"
MULTIPART_TYPE: Final = "multipart/form-data"
MOST_FIELDS: Final = 200
WRITTEN_BYTES: Final = 64 * 1024
"""Of a form without files, whatever its page takes: each of its bytes may be written as three, which takes long to undo."""
BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([ -!#-~]{1,70})"|([!#-:<-~]{1,70}))\s*(?:;|$)', re.ASCII | re.IGNORECASE)
DISPOSITION: Final = b"content-disposition:"
NAMED: Final = re.compile(rb' *form-data; *name="([^"]*)"(; *filename\*?=.*)?', re.IGNORECASE)
LINE: Final = b"\r\n"


async def read_form(request: web.BaseRequest, act: Act) -> Form | Answer:
    """Read a form within its act's bounds, or give the answer to what is none."""
    kind = request.content_type
    if kind not in {FORM_TYPE, MULTIPART_TYPE}:
        return closing(problem(415, "content_type"))
    most = act.most_bytes if kind == MULTIPART_TYPE else min(act.most_bytes, WRITTEN_BYTES)
    body = await read_bounded(request, most, act.seconds)
    if isinstance(body, Answer):
        return body
    try:
        return written(body) if kind == FORM_TYPE else parted(body, boundary_of(request.headers[hdrs.CONTENT_TYPE]))
    except ValueError:
        return closing(problem(400, "bad_body"))


def written(body: bytes) -> Form:
    """Read a form without files. Raises ValueError."""
    return Form(dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)))


def boundary_of(content_type: str) -> bytes:
    """Give what stands between a form's parts. Raises ValueError."""
    found = BOUNDARY.search(content_type)
    if found is None:
        raise ValueError("a form of parts names what stands between them")
    return (found[1] or found[2]).encode()


def parted(body: bytes, boundary: bytes) -> Form:
    """Read a form of parts, each a field or a file. Raises ValueError."""
    first, *parts, end = (LINE + body).split(LINE + b"--" + boundary, MOST_FIELDS + 1)
    if first or not end.startswith(b"--"):
        raise ValueError("a form begins with its first part, and has an end")
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        heading, headed, content = part.partition(LINE + LINE)
        if not headed or not heading.startswith(LINE):
            raise ValueError("a part has headers")
        name, is_file = _named(heading)
        if is_file:
            files[name] = content
        else:
            fields[name] = content.decode()
    return Form(fields, files)


def _named(heading: bytes) -> tuple[str, bool]:
    """Give a part's name, and whether it is a file. Raises ValueError."""
    (said,) = (line for line in heading.split(LINE) if line[: len(DISPOSITION)].lower() == DISPOSITION)
    found = NAMED.fullmatch(said, len(DISPOSITION))
    if found is None:
        raise ValueError("a form's parts are fields and files")
    return found[1].decode(), found[2] is not None
