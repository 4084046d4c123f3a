"""`consent-gateway audit report`: everything of a period as one HTML file, from the running gateway or its closed stores.

Handing it out is recorded in the signed log first; where that cannot be done, it is not handed out.
"""

import argparse
import asyncio
import time

from gateway.audit.processing import PrivacyReport
from gateway.commands.asking import NotRunning, Question, ask, open_closed_log, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.files import OWN, files_anew
from gateway.commands.showing import out
from gateway.console.language import Words
from gateway.model.texts import StorefrontId
from gateway.office.papers import Period, Unmeant, period
from gateway.settings import PlainSettings
from gateway.signing.entry import COMMAND, Export, Exported


def run(arguments: argparse.Namespace) -> int:
    """Write the report; gives 0. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    query = {key: value for key in ("since", "until") if (value := getattr(arguments, key)) is not None}
    now = int(time.time())
    asked = period(query, now)
    if isinstance(asked, Unmeant):
        raise Ended(2, f"--{asked.value} must be a day such as 2026-11-01; a period has at most 400 days, none of them ahead.")
    with files_anew([arguments.out], "--out", OWN) as (file,):
        report = _report(settings, name, query, asked, now)
        from gateway.console.printing import printed  # noqa: PLC0415 - what goes wrong before needs no templates

        file.write(printed(report, Words(arguments.language, settings.storefronts[name].time_zone)))
    out.print(str(arguments.out), markup=False)
    return 0


def _report(settings: PlainSettings, name: StorefrontId, query: dict[str, str], asked: Period, now: int) -> PrivacyReport:
    try:
        told = ask(settings, Question(PrivacyReport, "/api/v1/privacy-report", {"storefront": name, **query}))
    except NotRunning:
        return asyncio.run(_closed(settings, name, asked, now))
    if told is None:
        raise unknown_there()
    return told


async def _closed(settings: PlainSettings, name: StorefrontId, asked: Period, now: int) -> PrivacyReport:
    from gateway.commands.starting import closed_papers  # noqa: PLC0415 - whom a running gateway answers needs none of it

    async with closed_papers(settings) as papers:
        async with open_closed_log(settings) as record:
            await record(Export(Exported.REPORT, COMMAND, asked.since, asked.until))
        return await papers.report(name, asked, now)
