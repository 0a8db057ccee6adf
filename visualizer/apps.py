from typing import Any

from django.apps import AppConfig


class VisualizerConfig(AppConfig):
    name = "visualizer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_owners, on_transfer
        from core.generation import register
        from core.http.stream_log import stream_ended

        on_transfer("visualizer", _hand_over)
        on_owners("visualizer", _owners)
        stream_ended.connect(_keep_timing)
        register("diffusion", "visualizer.services.generations.GENERATOR")


def _hand_over(giver: Any, taker: Any) -> None:
    """A guest who signs in brings everything along; answers to old commands stay behind."""
    from visualizer.services.ownership import hand_over

    hand_over(giver=giver, taker=taker)


def _keep_timing(sender: Any, signal: Any, **columns: Any) -> None:
    from visualizer.models import StreamTiming

    StreamTiming.objects.create(**columns)


def _owners() -> list[Any]:
    """Whoever has a session, a job, a calibration or a preset."""
    from visualizer.models import Calibration, Generation, LabJob, Preset, Session

    tables = (Session, LabJob, Generation, Calibration, Preset)
    return [table.objects.values("owner") for table in tables]
