"""WebSockets that carry commands and follow streams, for every app."""
