"""What changes: every function keeps its rows and the events that tell of them together."""
