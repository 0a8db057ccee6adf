"""What may be asked of the visualizer: schemas, the table, handlers of the web side."""

from visualizer.commands.table import COMMANDS

__all__ = ["COMMANDS"]
