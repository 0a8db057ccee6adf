"""Addresses of trainings."""

from __future__ import annotations

from django.urls import path

from playground.training.views import actions, downloads, pages, sharing, texts

_TRAINING = "training/<uuid:training_id>/"
urlpatterns = [
    path("training/", pages.trainings, name="trainings"),
    path("training/new/", actions.begin, name="begin_training"),
    path("training/texts/", texts.add_text, name="add_text"),
    path("training/texts/<int:text_id>/delete/", texts.forget_text, name="forget_text"),
    path(_TRAINING, pages.training, name="training"),
    path(f"{_TRAINING}do/<str:name>/", actions.act, name="training_act"),
    path(f"{_TRAINING}ask/", actions.ask_moments, name="ask_moments"),
    path(f"{_TRAINING}model.zip", downloads.download, name="download_training"),
    path(f"{_TRAINING}share/", sharing.share, name="share_training"),
    path(f"{_TRAINING}share/<int:link>/revoke/", sharing.unshare, name="unshare_training"),
    path("r/training/<str:token>/", sharing.shared, name="shared_training"),
]
