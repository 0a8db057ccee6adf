"""Sockets: `api` speaks the JSON protocol, `page` serves the workspace."""
