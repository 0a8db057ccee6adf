"""Automatic selection: staged, only told, or compared."""

from __future__ import annotations

from typing import Any

from visualizer.selectors import head_of, labels_for, state_update
from visualizer.services.staging import stage
from visualizer.worker.choosing import Choosable, choosable, choose
from visualizer.worker.jobs import Job, Write


def auto_select(job: Job) -> Write:
    """state_update with the chosen tokens, which are staged too."""

    def write() -> dict[str, Any]:
        chosen = _chosen(job)
        stage(
            session=job.session,
            picks=dict(chosen),
            by="auto",
            strategy=job.message.strategy,
            replace=True,
        )
        return _reply(job, chosen)

    return write


def select_tokens_only(job: Job) -> Write:
    """The same answer as auto_select; nothing is staged."""

    def write() -> dict[str, Any]:
        return _reply(job, _chosen(job))

    return write


def compare(job: Job) -> Write:
    """compare_result: what each strategy would take from the same forward pass."""

    def write() -> dict[str, Any]:
        choices = choosable(job.session, head_of(job.session))
        labels, count = labels_for(job.session), job.message.tokens_to_select
        return {
            "type": "compare_result",
            "step": choices.number,
            "strategies": {
                name: _told(choices, choose(choices, name, count), labels)
                for name in job.message.strategies
            },
        }

    return write


def _chosen(job: Job) -> dict[int, int]:
    choices = choosable(job.session, head_of(job.session))
    return choose(choices, job.message.strategy, job.message.tokens_to_select)


def _reply(job: Job, chosen: dict[int, int]) -> dict[str, Any]:
    count, strategy = len(chosen), job.message.strategy
    return state_update(
        job.session,
        job.brief,
        selected_tokens={str(position): token for position, token in chosen.items()},
        message=f"Auto-selected {count} tokens using {strategy} strategy.",
    )


def _told(choices: Choosable, chosen: dict[int, int], labels: Any) -> list[dict[str, Any]]:
    prob = dict(zip(choices.positions, choices.probs, strict=True))
    return [
        {"position": p, "token_id": token, "token": labels(token), "prob": round(prob[p], 6)}
        for p, token in chosen.items()
    ]
