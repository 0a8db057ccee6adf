"""Conversations as files: Markdown and text to read, JSON to keep and to bring back."""
