"""`consent-gateway explain`: what is known of one event, from the running gateway or its closed store, in the same words."""

import argparse

from gateway.audit.trace import NOT_RUNNING, Told, sentences, tell
from gateway.commands.asking import Question, ask_or_look
from gateway.commands.configuration import no_such_storefront, settings_of
from gateway.commands.ending import Ended
from gateway.commands.showing import out, show_json
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox import Outbox


def run(arguments: argparse.Namespace) -> int:
    """Explain an event; gives 0 when something is known of it. Raises Ended."""
    settings = settings_of(arguments)
    try:
        storefront, event_id = StorefrontId(arguments.storefront), EventId(arguments.event_id)
    except ValueError:
        raise Ended(2, "A storefront is named by a-z 0-9 - _, an event id has 1 to 64 of A-Z a-z 0-9 _ . : -") from None
    if storefront not in settings.storefronts:
        raise no_such_storefront(settings)
    kind = Kind(arguments.event)

    async def look(outbox: Outbox) -> Told | None:
        explanation = await outbox.explain(storefront, kind, event_id)
        return None if explanation is None else tell(explanation, dict.fromkeys(Destination, NOT_RUNNING))

    query = {"storefront": storefront, "event": kind.value, "event_id": event_id}
    told = ask_or_look(settings, Question(Told, "/api/v1/explain", query), look)
    if told is None:
        raise Ended(1, "Nothing is known of this event: it was not received in the last eight days, or under another id.")
    if arguments.json:
        show_json(told)
        return 0
    for line in sentences(told):
        out.print(line, markup=False)
    return 0
