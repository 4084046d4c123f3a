"""Local stand-ins for Meta, Pinterest and Google Ads, and a small demo shop.

The stand-ins answer as the platforms do, so that the gateway can be run, tested and shown before anybody has
credentials, and without a byte leaving the machine. They judge what they receive by the rules that the platforms
publish, never by what the gateway's own adapters happen to send: a stand-in knows no adapter and imports none.

**What each does.** It checks the token, reads the body, refuses what the platform would refuse in the platform's own
words (localised texts, echoes of the request and of the token included: the gateway must never show those), takes the
rest into a ledger that recognises repeats as the platform would, and confirms. Modes (`behaviour.py`) make it fail on
purpose, in process or over HTTP: throttled, token expired, slow, cut off before or after taking the events, and so on.

**What they are not.** Where a platform's behaviour is unpublished, the choice made here is named in a comment beside
it. A stand-in that says yes is no proof that the platform will; one that says no has a published rule for it.

Over HTTP, at each platform's own address:

    GET    /_sandbox/mode       the modes now, and the variants each mode has
    PUT    /_sandbox/mode       {"mode": "throttle", "requests": 3} or a list, one after the other
    GET    /_sandbox/ledger     counts and money; ?event_id=… for one event
    DELETE /_sandbox/ledger     begin anew
    GET    /_sandbox/events     every event taken, one JSON object a line
    GET    /_sandbox/requests   the last requests: when, how many events, what was answered
"""
