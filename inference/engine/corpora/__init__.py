"""Corpora that the project generates itself, each with its own checker."""
