"""What workers do for the library: downloads, answers of servers elsewhere."""
