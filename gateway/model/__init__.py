"""What may exist below the privacy boundary, and nothing else.

Every value here checked itself when it was born, so no later room wonders whether an event id is an
event id or an address still has its last octet. There is no free text and no dict: an e-mail address,
a full IP address or an undeclared field has no type that could carry it past this folder.
Pure: standard library and msgspec only, no IO, no clock, no randomness.

    words    the closed vocabularies: kinds, destinations, reasons, signals, ...
    texts    ids, digests, networks: strings that match a pattern whole
    money    amounts in a currency's minor unit
    event    what is left of an event, and the trace of what was decided about it
    verdict  what became of a delivery attempt
"""
