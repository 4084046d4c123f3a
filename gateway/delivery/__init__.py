"""How an accepted event reaches a platform, and what can go wrong on the way.

**One courier per lane.** A lane is a storefront and a destination. Its courier works alone and has one request in
flight, so a platform that is slow, down or refusing costs its own lane time and nobody else: not the other
platforms, not another storefront's lane to the same platform, not the front door. Events need no order, so one
that must wait goes to the side and the next ones pass.

**A round.** The courier waits until there is work, lingers a moment so that a batch fills, and *claims* a batch.
Then it *screens* it: an event whose consent has grown too old or whose person has withdrawn is taken out; one that
is older than the platform's limit, or that the platform may have had for longer than it recognises repeats, becomes
a dead letter; one that is too young waits. What is left is *built* into a request by the adapter, and before the
first byte leaves, the outbox notes durably that the platform may have these events from now on. The transport
*sends*, the adapter *interprets* the answer into one verdict per event, and the courier *settles* the whole claim
in one go. Whatever happens between two of these steps — an exception, `kill -9`, a power cut — the next claim finds
the events either untouched or marked *maybe received*, and never loses them.

**The contract.** What the adapter built is put together with its proofs into the very thing that would leave, and held
against the privacy team's file by a room that knows no adapter. Only what that room cleared can be sent. Events that
break the contract are set aside and the rest is built anew; a request that is itself at fault, or most of whose events
are, stops the lane with every event kept. The shapes that leave are counted in the flush that marks the events.

**Three kinds of no answer.** Refused connection, unknown host, failed TLS handshake, connect timeout: nothing left
this machine, and the events count as untried. Timeout or reset after that: the platform may have them; they are
*maybe*, and are sent again only inside the platform's window for recognising repeats. That window is the only
source of double counting, so the time-out is generous: nobody waits for a delivery.

**Who waits.** Failure of the whole request is the destination's fault: the claim is given back as it was and the
*lane* backs off, with full jitter, from seconds to a quarter of an hour. Failure of some events is theirs: they
alone get a due time, the lane goes on. Retrying ends by age, never by count: an outage of a day loses nothing.

**Breaker and pause.** After five requests in a row without a usable answer the breaker opens; from then on one small
batch is a probe, at intervals that grow to five minutes, and its success closes the breaker. A refused credential, a
missing permission or a wrong configuration pauses the lane in the same way, at once and with an alarm: no event
is blamed for it, every event is kept, and the lane resumes by itself when a probe gets through. If most of a large
batch is refused event by event, that too is taken for a wrong configuration rather than for that many bad events.

**Isolation.** Some platforms refuse a whole request for one bad event. The event that the answer hints at is then
sent alone, else the batch is halved until the bad ones stand alone. They become dead letters; the rest arrives.

**Time.** Ages use the wall clock, waiting uses the monotonic clock. When the two disagree by more than five minutes
the wall clock was set: until that has settled, an event is sent only if it is young enough by both readings and
given up for its age only if it is too old by both.

**Bugs.** If an adapter raises, or answers for the wrong number of events, the events concerned are set aside with a
growing delay and become dead letters at the third time, with an alarm; the courier itself goes on.

Rooms: `courier` acts; `screening`, `contract`, `batches`, `fates`, `breaker`, `backoff`, `clocks` and `tally` decide, and
are pure; `transport` and `credentials` face the platform; `watcher` is what metrics and log are told.
"""
