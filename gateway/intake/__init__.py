"""The front door: whoever posts is recognised, bounded, read, carried down the line, and answered only after the flush.

    front_door ─▶ callers ─▶ bodies ─▶ (a reader in `sources/`) ─▶ turn ─▶ the line ─▶ the outbox
        │                                                          │
     webhooks: orders in a shop's platform's own words          consents: what pages and servers say of a choice

`callers` says who it is and how much they may send, `bodies` how much is read and for how long. `turn` lets what comes at the
same time cross the line together, so that it is flushed together. Nobody waits for an ad platform, and nothing that could not
be stored is answered as if it had been.

A choice becomes a record beside the way of events: `depositing` makes it of what was said, `proofs` decides what may be kept of
a signal, `holding` writes down an order that waits for one. `results` are what a server is told of each event; `sampling` and
`tallying` count what came.
"""
