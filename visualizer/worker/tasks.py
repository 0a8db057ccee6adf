"""Celery tasks of the visualizer: ids in, the executor called."""

from __future__ import annotations

from celery import shared_task

from core.worker import executor
from inference import runtime
from inference.connections import kept_open
from visualizer.commands import COMMANDS
from visualizer.models import Calibration, Command, Generation, LabJob, Session
from visualizer.worker import calibration as calibration_worker
from visualizer.worker import generation, required_model, retention
from visualizer.worker import lab as lab_worker
from visualizer.worker.slices import work_slice

__all__ = ["advance", "advance_session", "execute", "generate", "lab", "retention"]


@shared_task(name=Session.TASK)
@kept_open
def advance(session_id: str) -> None:
    """Work a session's pending commands and a slice of its run."""
    slug = required_model.model_of_session(session_id)
    runtime.run_when_loaded(slug, f"session {session_id}", lambda: advance_session(session_id))


def advance_session(session_id: str) -> None:
    """The same, in this thread, whether or not the model has to be loaded first."""
    executor.advance(Session, session_id, work_slice, COMMANDS)


@shared_task(name=Command.TASK)
@kept_open
def execute(command_id: int) -> None:
    """Work a command that belongs to no session yet."""
    slug = required_model.model_of_command(command_id)
    work = lambda: executor.execute(COMMANDS, command_id)  # noqa: E731
    runtime.run_when_loaded(slug, f"command {command_id}", work, anew=True)


@shared_task(name=Generation.TASK)
@kept_open
def generate(generation_id: str) -> None:
    """Make a generation a session with a run, and work a slice of that."""
    slug = required_model.model_of_generation(generation_id)
    work = lambda: generation.work(generation_id, lambda id: advance_session(str(id)))  # noqa: E731
    runtime.run_when_loaded(slug, f"generation {generation_id}", work)


@shared_task(name=LabJob.TASK)
@kept_open
def lab(job_id: str) -> None:
    """Work a slice of a job of the Lab."""
    lab_worker.work(job_id)


@shared_task(name=Calibration.TASK)
@kept_open
def calibrate(calibration_id: str) -> None:
    """Work a slice of a calibration."""
    slug = required_model.model_of_calibration(calibration_id)
    work = lambda: calibration_worker.work(calibration_id)  # noqa: E731
    runtime.run_when_loaded(slug, f"calibration {calibration_id}", work)
