"""Sockets: `api` speaks the JSON protocol of 001, `page` serves the workspace."""
