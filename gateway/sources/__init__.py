"""The ways in: one file per inbound format, each a pure function from bytes to raw events."""
