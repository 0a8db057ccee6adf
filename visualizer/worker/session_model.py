"""The model of a session, with the weights that it began with."""

from __future__ import annotations

from inference import runtime
from inference.engine.checkpoint import LoadedModel
from visualizer.models import Session


def model_of(session: Session) -> LoadedModel:
    """Loaded if need be; weights that were replaced on disk are kept while they are in memory."""
    return runtime.load(session.model, weights=session.provenance.get("weights_hash"))
