"""The typed routes of all apps in one API, with its OpenAPI document at /api/docs."""

from __future__ import annotations

from core.http.api import make_api
from core.http.openai.routes import api as openai
from library.api.router import router as library
from visualizer.api.router import router as diffusion

__all__ = ["api", "openai"]

api = make_api(
    title="Unmask",
    version="1",
    description="Diffusion language models: generate, infill, stream, load. "
    "Send a personal token as `Authorization: Bearer …`.",
)
api.add_router("/diffusion", diffusion)
api.add_router("/diffusion", library)
