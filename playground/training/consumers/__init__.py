"""Sockets of trainings: the curve as it is drawn."""
