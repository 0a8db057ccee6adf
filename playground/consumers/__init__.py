"""Sockets of conversations: one that sends and streams, one that watches."""
