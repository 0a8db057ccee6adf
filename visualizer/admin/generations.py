"""Generations that came through a door, how long they took, and calibrations of decisions."""

from __future__ import annotations

from django.contrib import admin

from inference.read_only_admin import Concealed, Part, ReadOnly, pretty
from visualizer.models import Calibration, Generation, StreamTiming


@admin.register(Generation)
class GenerationAdmin(Concealed, Part):
    list_display = ("id", "owner", "model", "status", "finish_reason", "session_id", "created")
    list_filter = ("status", "finish_reason", "model", "created")
    search_fields = ("id", "owner__username", "model__slug", "session__id")
    list_select_related = ("owner", "model")
    fields = (
        "id", "owner", "model", "session", "run", "status", "cancel_requested", "attempts",
        "settings_text", "usage_text", "finish_reason", "error_text", "saved", "lease_fence",
        "lease_expires", "created", "updated", "finished",
    )  # fmt: skip
    written, text_of, named = ("prompt_text", "text"), "text", "prompt and text of a generation"
    prompt_text = pretty("prompt", "prompt")
    settings_text = pretty("settings", "settings")
    usage_text = pretty("usage", "usage")
    error_text = pretty("error", "error")
    readonly_fields = fields


@admin.register(StreamTiming)
class StreamTimingAdmin(ReadOnly):
    list_display = ("route", "model", "user", "outcome", "seconds", "first", "frames", "created")
    list_filter = ("route", "outcome", "model", "created")
    search_fields = ("correlation_id", "user__username", "model")
    list_select_related = ("user",)
    fields = (*list_display, "correlation_id")
    readonly_fields = fields


@admin.register(Calibration)
class CalibrationAdmin(Concealed):
    list_display = ("id", "name", "owner", "model", "status", "created", "finished")
    list_filter = ("status", "model", "created")
    search_fields = ("id", "name", "owner__username", "model__slug")
    list_select_related = ("owner", "model")
    fields = (
        "id", "name", "owner", "model", "status", "cancel_requested", "attempts", "error_text",
        "lease_fence", "lease_expires", "created", "updated", "finished",
    )  # fmt: skip
    written = ("places_text", "examples_text", "results_text")
    text_of, named = "examples", "the examples of a calibration"
    places_text = pretty("places", "places")
    examples_text = pretty("examples", "examples")
    results_text = pretty("results", "results")
    error_text = pretty("error", "error")
    readonly_fields = fields
