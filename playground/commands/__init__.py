"""Commands about conversations: one table for sockets, forms and HTTP."""

from playground.commands.table import COMMANDS

__all__ = ["COMMANDS"]
