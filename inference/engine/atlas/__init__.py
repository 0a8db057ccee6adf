"""Decoding rules measured on exact tasks, over steps, blocks and seeds: `manage.py atlas`."""
