"""Commands about trainings: one table for sockets and forms."""

from playground.training.commands.table import COMMANDS

__all__ = ["COMMANDS"]
