"""Changing trainings: each function takes keywords and writes in one transaction."""
