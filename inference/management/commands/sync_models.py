"""`python manage.py sync_models`: read the shipped models and MODELS_DIR again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from inference.model_folders import left_out
from inference.registry import sync_models


class Command(BaseCommand):
    help = (
        "Bring the list of models in line with what lies on disk: the shipped ones, and every "
        "folder MODELS_DIR/<name> or MODELS_DIR/<owner>/<name> with a config.json, its "
        "*.safetensors and a tokenizer (tokenizer.json, or vocab.json and merges.txt); other "
        "folders that hold a model are named with the reason. An unmask.json beside them may say "
        "more: its keys are in docs/development.md. MODELS_DIR is an environment variable; empty "
        "means DATA_DIR/models. Nothing is loaded or downloaded."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for entry in sync_models():
            mark = "default" if entry.is_default else entry.state
            self.stdout.write(f"{entry.slug}: {entry.label} ({mark})")
        for name, reason in left_out(settings.MODELS_DIR):
            self.stdout.write(f"left out {name}: {reason}")
