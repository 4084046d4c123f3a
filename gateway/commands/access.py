"""`consent-gateway access`: writes down all that is held of a person and what was sent of them, for that person alone."""

import argparse
import sys

import msgspec

from gateway.commands.asking import Question, ask_or_serve
from gateway.commands.configuration import settings_of
from gateway.commands.files import new_file
from gateway.commands.naming import Said, said_of
from gateway.commands.showing import err
from gateway.ledger import Right
from gateway.rights.counter import Disclosures, chosen_of, do
from gateway.rights.desk import Desk
from gateway.rights.follow_up import lines
from gateway.rights.naming import Asked
from gateway.settings import PlainSettings


def run(arguments: argparse.Namespace) -> int:
    """Disclose; gives 0 when all of it is written. Raises Ended."""
    settings = settings_of(arguments)
    said, asked = said_of(arguments, settings)
    if arguments.out is None:
        told = _disclosed(settings, said, asked)
        sys.stdout.write(_written(told).decode())
    else:
        with new_file(arguments.out, "--out") as file:
            told = _disclosed(settings, said, asked)
            file.write(_written(told))
    _say_what_is_left(told)
    return 0


def _disclosed(settings: PlainSettings, said: Said, asked: Asked) -> Disclosures:
    async def closed(desk: Desk) -> Disclosures:
        told = await do(desk, Right.ACCESS, asked, chosen_of(desk, asked.storefront))
        assert isinstance(told, Disclosures)  # noqa: S101 - an access has disclosures
        return told

    return ask_or_serve(settings, Question(Disclosures, f"/api/v1/{Right.ACCESS}", {}, said), closed)


def _written(told: Disclosures) -> bytes:
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def _say_what_is_left(told: Disclosures) -> None:
    """Say on standard error what the gateway cannot tell: what the platforms have is for them to disclose."""
    for disclosed in told.disclosures:
        request = disclosed.request
        err.print(
            f"{request.storefront}: request {request.number}, due {request.due_at}: {len(disclosed.held)} held, "
            f"{len(disclosed.sent)} sent, {len(disclosed.consent_records)} consent records.",
            markup=False,
        )
        for line in lines(disclosed.follow_up):
            err.print(line, markup=False)
