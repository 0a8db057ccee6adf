"""Ids of places that come into a canvas: no two branches of a session use one for two places."""

from __future__ import annotations

from visualizer.models import Session, Step


def unused_slot(session: Session) -> int:
    """An id above every slot that any branch of the session ever had.

    Whoever holds the session's lease may use it and those after it: nobody else adds places then.
    """
    last = len(session.prompt_ids) + session.gen_length - 1
    steps = Step.objects.filter(branch__session=session).values_list("operations", flat=True)
    added: list[int] = [new for step in steps for op in step for new in op.get("new", ())]
    return max([last, *added]) + 1
