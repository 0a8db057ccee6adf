"""What pages and routes read."""
