"""How an accepted event reaches a platform, and what can go wrong on the way.

**One courier per lane.** A lane is a storefront and a destination. Its courier works alone and has one request in
flight, so a platform that is slow, down or refusing costs its own lane time and nobody else: not the other
platforms, not another storefront's lane to the same platform, not the front door. Events need no order, so one
that must wait goes to the side and the next ones pass.

**A round.** The courier waits until there is work and a place in the platform's quota, lingers a moment so that a
batch fills, and *claims* a batch. Then it *screens* it: an event whose consent has grown too old or whose person has
withdrawn is taken out; one that is older than the platform's limit, or that the platform may have had for longer than
it recognises repeats, becomes a dead letter; one that is too young waits. What is left is *built* into a request by the
adapter, and before the first byte leaves, the outbox notes durably that the platform may have these events from now on.
The transport *sends*, the adapter *interprets* the answer into one verdict per event, and the courier *settles* the
whole claim in one go. Whatever happens between two of these steps — an exception, `kill -9`, a power cut — the next
claim finds the events either untouched or marked *maybe received*, and never loses them.

**Fresh and old.** After an outage new events must not be as late as the oldest. What has waited for more than five minutes
is *set aside* as a backlog, and the two take turns, a request each: what is new leaves within minutes, and what is old has
at least every other request, the oldest first. Exceptions that are due stand in the backlog's order, by their age.

**Quota.** Platforms count requests by project or account. Lanes that show the same credential share a *meter*, which gives
each request its place at an even pace, with a fifth of the quota saved up; lanes that ask get their places in the order of
asking. Waiting for one is no failure and costs no event a try, and the batch fills meanwhile. Each request counts, also
those that look for a bad event, and probes. What the platform says of its own quota counts beside that.

**The contract.** What the adapter built is put together with its proofs into the very thing that would leave, and held
against the privacy team's file by a room that knows no adapter. Only what that room cleared can be sent. Events that
break the contract are set aside and the rest is built anew; a request that is itself at fault, or most of whose events
are, stops the lane with every event kept. The shapes that leave are counted in the flush that marks the events.

**Withdrawals.** Somebody may withdraw while a token is fetched, a batch is marked or a connection is made, each of which
can take seconds. So a request is looked at after the token, and for the last time by the transport's gate, when there is a
connection: from its yes to the first byte nothing is waited for, and whoever withdraws hears of it later than that. A request
that is called off takes back what the outbox was told of it; the next one, without the person, goes at once, in its place
of the quota. Nobody loses a try and the lane's standing stays as it is. Repeats, halves and probes ask like first attempts.

**Three kinds of no answer.** Refused connection, unknown host, failed TLS handshake, connect timeout: nothing left this
machine, and the events count as untried. Timeout or reset after that: the platform may have them; they are *maybe*, and are
sent again only inside the platform's window for recognising repeats. That window is the only source of double counting, so
the time-out is generous: nobody waits for a delivery. An answer that leaves it open as well, as a 503 does, may say when to
ask again: then nobody asks before, and the window stays as it is.

**Who waits.** Failure of the whole request is the destination's fault: the claim is given back as it was and the *lane* backs
off, with full jitter, from seconds to a quarter of an hour, and sends few events until one request is answered: what is in
doubt when an outage outlasts the window can be sent no more. Failure of some events is theirs: they alone get a due time, the
lane goes on. An event that the platform has judged by itself, as too young or because something is not set up for it, waits
apart for as long as that takes; the latter is told once, as an alarm and no pause. Retrying ends by age, never by count: an
outage of a day loses nothing.

**Breaker and pause.** After five requests in a row without a usable answer the breaker opens; from then on one small
batch is a probe, at intervals that grow to five minutes, and its success closes the breaker. A refused credential, a
missing permission or a wrong configuration pauses the lane at once and with an alarm: no event is blamed for it, every
event is kept, and a probe asks once a minute, no faster and no slower however long it takes, unless the platform named
a time or the credential is replaced. The lane resumes when something gets through. What a probe of a paused lane is
refused event by event proves nothing: those events are tried again later, and the next probe takes others.

**An operator's pause.** Somebody may pause a lane. The outbox keeps that and gives out no claim of it; a request that has begun
is finished, and none begins: the courier looks before each, and the transport's gate before the first byte. What of a claim is
left goes back. No probe, no question and no replay ends such a pause, only who resumes it; the breaker and a pause of the
platform's making stay meanwhile as they were. Ages go on counting: what grew too old is found so when the lane goes on.

**Suspicion.** If twenty events or more of a claim are refused, and more than are taken, that is a wrong configuration and
not that many bad events: the lane pauses, and keeps them. Small claims add up to the same. Where a platform refuses whole
requests, the other end of the batch is heard first, since bad events often lie together. Who was put off like this and
is refused again while the lane is up is at fault itself.

**Isolation.** Some platforms refuse a whole request for one bad event. The events that the answer hints at are then sent
alone, else the batch is halved until the bad ones stand alone: two requests for a bad event that was named, some twenty
for one among a thousand that was not. A hint that proves wrong ends all hints of that batch. They become dead letters;
the rest arrives.

**Time.** Ages use the wall clock, waiting uses the monotonic clock. When the two disagree by more than five minutes
the wall clock was set: until that has settled, an event is sent only if it is young enough by both readings and
given up for its age only if it is too old by both.

**Bugs.** If an adapter raises, or answers for the wrong number of events, the events concerned are set aside with a
growing delay and become dead letters at the third time, with an alarm; the courier itself goes on.

**Credentials.** A token in a file counts from the next request after the file was replaced; Google's key documents are
exchanged for tokens, once for all lanes, some minutes before the last one ends. A token that a platform refuses is
replaced once and the request repeated at once; only then the lane pauses, and a replaced file ends that within seconds.

**Afterwards.** A platform that takes requests for processing is asked later what became of them, by an inquirer beside
the courier; its last word is added to the books, once. A word that something is not set up is an alarm and no pause: what
is accepted meanwhile may still be used once it is.

**Rehearsing and replaying.** A destination is tried out with one request that records nothing, when somebody asks or, as the
canary, by the clock, in the quota's free places and only while the lane is up; a dead letter that is replayed takes the same
way as any event, and is screened like one.

Rooms: `courier` acts, by way of `claiming`, `dispatching`, `sending` and `settling`, which share a `standing`, a `patience`
and the `work` under way; `inquirer`, `rehearsing`, `canary` and `replaying` act beside it. `screening`, `contract`, `turns`,
`quota`, `batches`, `fates`, `breaker`, `backoff`, `afterwards`, `clocks`, `tally`, `grants`, `letters`, `rehearsal` and `work`
decide, and are pure; `transport`, `credentials` and `oauth` face the platform; `watcher` is what metrics and log are told.
"""
