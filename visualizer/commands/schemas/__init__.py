"""The messages that clients may send: one class for each type."""
