"""`generate`, `infill`, their streams and batches, `cancel`, and the stream of a run."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from core import generation
from core.http.stream_limits import check_stream
from visualizer.api import runs
from visualizer.api.answers import (
    BatchAnswer,
    BatchInfilled,
    Cancelled,
    Completed,
    Infilled,
)
from visualizer.api.errors import STREAM, documented, documented_stream
from visualizer.api.orders import GENERATING, Order, all_orders, infill_order, text_order
from visualizer.api.requests import (
    BatchGenerate,
    BatchInfill,
    Decoding,
    GenerateRequest,
    InfillRequest,
)

router = Router(tags=["generation"])


@router.post("/generate", response=documented(Completed))
async def generate(request: HttpRequest, data: GenerateRequest) -> dict[str, Any]:
    """Text for a prompt or a conversation, when it is finished."""
    return await runs.complete(await sync_to_async(text_order)(request.user, data))


@router.post("/infill", response=documented(Infilled))
async def infill(request: HttpRequest, data: InfillRequest) -> dict[str, Any]:
    """Text for gaps, when it is finished."""
    return await runs.complete(await sync_to_async(infill_order)(request.user, data))


@router.post("/generate/stream", response=documented_stream(), openapi_extra=STREAM)
async def generate_stream(request: HttpRequest, data: GenerateRequest) -> HttpResponseBase:
    """The same as server-sent events: status, one step per forward pass, complete or error."""
    order = await sync_to_async(text_order)(request.user, data)
    await sync_to_async(check_stream)(request)
    return await runs.stream(order, request.headers.get("last-event-id"))


@router.post("/infill/stream", response=documented_stream(), openapi_extra=STREAM)
async def infill_stream(request: HttpRequest, data: InfillRequest) -> HttpResponseBase:
    """The same as server-sent events; slots that appear and vanish are operations of its steps."""
    order = await sync_to_async(infill_order)(request.user, data)
    await sync_to_async(check_stream)(request)
    return await runs.stream(order, request.headers.get("last-event-id"))


@router.get("/runs/{run}/stream", response=documented_stream(), openapi_extra=STREAM)
async def run_stream(request: HttpRequest, run: str) -> HttpResponseBase:
    """The stream of a run of yours from its beginning, or after the Last-Event-ID."""
    await sync_to_async(check_stream)(request)
    made = await sync_to_async(generation.find)(user=request.user, id=run)
    resumed = await runs.resumable(request.user, request.headers.get("last-event-id"))
    after = resumed[1] if resumed else None
    order = Order(request.user, Decoding(detach=True), generation.Prompt(), _PLAIN, GENERATING)
    return await runs.follow(order, made, after)


_PLAIN = generation.Settings()


@router.post("/cancel/{run}", response=documented(Cancelled))
def cancel(request: HttpRequest, run: str) -> Cancelled:
    """End a run after the step in the making. What was made stays and can be opened."""
    made = generation.find(user=request.user, id=run)
    generation.stop(user=request.user, id=run)
    return Cancelled(run=str(made.id), url=made.url)


@router.post("/batch/generate", response=documented(BatchAnswer))
async def batch_generate(request: HttpRequest, data: BatchGenerate) -> dict[str, Any]:
    """Several generations; each has a result or an error of its own."""
    orders = await sync_to_async(all_orders)(text_order, request.user, data.requests)
    return {"results": await runs.complete_all(orders)}


@router.post("/batch/infill", response=documented(BatchInfilled))
async def batch_infill(request: HttpRequest, data: BatchInfill) -> dict[str, Any]:
    """Several infillings; each has a result or an error of its own."""
    orders = await sync_to_async(all_orders)(infill_order, request.user, data.requests)
    return {"results": await runs.complete_all(orders)}
