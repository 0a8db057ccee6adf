"""The routers of `/api/diffusion`, behind the setting that switches the service on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Router

from core.http.api import Account
from inference.errors import UnmaskError
from visualizer.api.routes import decisions, generation, models, service

OFF = "The diffusion service is switched off here (DIFFUSION_LLM_ENABLED)."


class EnabledAccount(Account):
    """An account, where the service is switched on."""

    def __call__(self, request: HttpRequest) -> Any:
        if not settings.DIFFUSION_LLM_ENABLED:
            raise UnmaskError("model_unavailable", OFF)
        return super().__call__(request)


router = Router(auth=EnabledAccount())
for _part in (models, generation, decisions, service):
    router.add_router("", _part.router)
