"""The office behind the private listener: what marketers, operators and the privacy team ask and order.

Commands and other machines come by the routes of `gateway/private.py`, people by the console's pages; both ask here. Each has
one task:

    clerk        answers the privacy team, from the `papers` and from a `dry_run` of one event
    reports      what the store tells of a time; what cannot change any more is `remembered`
    reconciling  a shop's order list, held against what the gateway knows
    comparing    an old container's recording, carried down the line
    leafing      dead letters, a page at a time
    pausing      stops and starts a destination
    archive      the contracts that were ever in force
    exporting    all of it as tables

Nobody here touches an event on its way. What is asked is read from what is committed, and told in closed vocabularies.
"""
