"""The rights of a person: to withdraw, to be erased, to be told what is held.

**Whom it is about.** A person is named by what they can name themselves: an e-mail address, the number of an order, the
client id of their browser, the receipt of their choice. A clear address becomes digests in memory and is gone before
anything is looked for. Whether somebody is who they say is for the merchant to find out, before anything is asked here.

**Three rights.** *Withdraw*: what waits or is dead for the person is taken out of the outbox on all destinations, what comes
later is refused until they decide anew, their consent records are marked, and orders that are held for them are deleted.
*Erase*: the same, and the lines of what was sent, the traces of why, and the consent records themselves are deleted.
*Access*: nothing is changed; all that is held is told, and what was sent to whom, when, in which fields, on which evidence.

**In which order.** A line of the register is written first: it says by when the law wants an answer, and holds keyed hashes
of what the person is known by. Then the outbox, so that nothing more leaves; then the ledger; then the line is closed with
what came of it in numbers. Each step is on stable storage before the next begins and may be done again without harm. A
crash between two of them leaves an open line: whoever names the person again for the same right has that line taken up and
finished, under the date when it was first asked. Open lines are shown by `consent-gateway requests` and by a metric.

**What is kept.** Of an erasure its line in the register, and in the outbox the keyed hashes by which what comes later is
refused. Neither can be turned back into a person; both prove the erasure to whoever names the person again.

**What it cannot do.** A request that is on the wire cannot be called back; it is counted as such. What a platform has, only
the platform can delete: the answer says what the merchant must ask of each, by event id and time. Copies of the files,
such as backups, are as old as they are.
"""
