"""How SQLite keeps the outbox's promise: `sqlite` is the engine that others use, the rest are parts of its transactions."""
