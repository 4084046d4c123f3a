"""The signed log: what was done to this gateway, in an order that nobody can change afterwards without its being seen.

Entries stand in a file, one a line (`entry`), as leaves of a Merkle tree (`tree`). Checkpoints of it are signed (`note`,
`checkpoint`) and handed out (`outlets`, `exporting`), so that whoever holds one can tell with `verify` whether the log still
begins as it did. `store` keeps the file, `recorder` is what the rest of the gateway has of it.

How another room records something:

* For what must not happen unrecorded (a login, a replay, an approval, an erasure): `await log.append(ENTRY)` first, then do it.
  `Unrecorded` means that it must not be done; answer 503 `log_unavailable`.
* For what happens anyway (a stop, counts): `log.tell(ENTRY)`, which neither waits nor raises.
* A new kind of entry: a class in `entry.py`, its name in `EntryKind`, a line in `docs/signed-log.md`. Its fields are names from
  the configuration, numbers, digests and words of closed sets. Of a person only `entry.keyed(pepper, "account", NAME)` or a
  register's number, never a name, an address or an event's id.
"""
