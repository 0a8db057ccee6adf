"""What the playground keeps, a module for each subject."""

from playground.models.completions import Completion, CompletionToken
from playground.models.conversations import (
    ChatCommand,
    Conversation,
    ConversationLink,
    Message,
    file_name,
)
from playground.models.side_by_side import SideBySide
from playground.models.trees import TokenTree, TreeToken

__all__ = [
    "ChatCommand",
    "Completion",
    "CompletionToken",
    "Conversation",
    "ConversationLink",
    "Message",
    "SideBySide",
    "TokenTree",
    "TreeToken",
    "file_name",
]
