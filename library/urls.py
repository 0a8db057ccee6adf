"""Addresses of the page of models."""

from __future__ import annotations

from django.urls import path

from library.views.actions import act
from library.views.pages import live, models

urlpatterns = [
    path("models/", models, name="models"),
    path("models/live/", live, name="models_live"),
    path("models/do/<str:name>/", act, name="models_act"),
]
