"""Automatic selection: staged, only told, or compared."""

from __future__ import annotations

from typing import Any

from core.worker.executor import Write
from visualizer.commands.requests import Request
from visualizer.selectors import head_of, state_update
from visualizer.selectors.edit_tokens import choice_labels_for
from visualizer.services.staging import stage
from visualizer.worker.selection import Choosable, choosable, choose


def auto_select(request: Request) -> Write:
    """state_update with the chosen tokens, which are staged too."""

    def write() -> dict[str, Any]:
        chosen = _chosen(request)
        stage(
            session=request.session,
            picks=dict(chosen),
            by="auto",
            strategy=request.message.strategy,
            replace=True,
        )
        return _reply(request, chosen)

    return write


def select_tokens_only(request: Request) -> Write:
    """The same answer as auto_select; nothing is staged."""

    def write() -> dict[str, Any]:
        return _reply(request, _chosen(request))

    return write


def compare(request: Request) -> Write:
    """compare_result: what each strategy would take from the same forward pass."""

    def write() -> dict[str, Any]:
        choices = choosable(request.session, head_of(request.session))
        labels, count = choice_labels_for(request.session), request.message.tokens_to_select
        return {
            "type": "compare_result",
            "step": choices.number,
            "strategies": {
                name: _told(choices, choose(choices, name, count), labels)
                for name in request.message.strategies
            },
        }

    return write


def _chosen(request: Request) -> dict[int, int]:
    choices = choosable(request.session, head_of(request.session))
    return choose(choices, request.message.strategy, request.message.tokens_to_select)


def _reply(request: Request, chosen: dict[int, int]) -> dict[str, Any]:
    count, strategy = len(chosen), request.message.strategy
    return state_update(
        request.session,
        request.brief,
        selected_tokens={str(position): token for position, token in chosen.items()},
        message=f"Auto-selected {count} tokens using {strategy} strategy.",
    )


def _told(choices: Choosable, chosen: dict[int, int], labels: Any) -> list[dict[str, Any]]:
    prob = dict(zip(choices.positions, choices.probs, strict=True))
    return [
        {"position": p, "token_id": token, "token": labels(token), "prob": round(prob[p], 6)}
        for p, token in chosen.items()
    ]
