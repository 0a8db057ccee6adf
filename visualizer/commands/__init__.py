"""What may be asked of the visualizer, and the one way in."""

from visualizer.commands.door import read, submit
from visualizer.commands.parsing import parse
from visualizer.commands.table import COMMANDS
from visualizer.commands.validation import from_form

__all__ = ["COMMANDS", "from_form", "parse", "read", "submit"]
