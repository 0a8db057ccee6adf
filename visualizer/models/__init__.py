"""The tables of the visualizer."""

from visualizer.models.generations import Generation, StreamTiming
from visualizer.models.sessions import Branch, Command, Digest, Note, Run, Session, Step
from visualizer.models.user_data import Calibration, LabJob, Preset, ShareLink

__all__ = [
    "Branch",
    "Calibration",
    "Command",
    "Digest",
    "Generation",
    "LabJob",
    "Note",
    "Preset",
    "Run",
    "Session",
    "ShareLink",
    "Step",
    "StreamTiming",
]
