"""Writing: every change of a session goes through here, with its events, in one transaction."""
