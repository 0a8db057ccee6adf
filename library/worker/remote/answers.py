"""A generation that a server elsewhere answers, from its request to its last word."""

from __future__ import annotations

import time
from typing import Any

from core.jobs.leases import Lease, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import work_guarded
from inference.errors import UnmaskError
from inference.events import gathered
from inference.remote_backends import RemoteBackend, backend_of
from library.models import RemoteGeneration
from library.services import remote
from library.worker.remote import protocols
from library.worker.remote.protocols import Piece
from library.worker.remote.reader import Ended, reading

Status = RemoteGeneration.Status
BATCH_SECONDS = 0.04
"""What comes within this time is stored, and told, together."""
CANCEL_SECONDS = 0.5
"""How often somebody's wish to stop is looked for."""
ANSWER_SECONDS = 1200.0
LONGEST_TEXT = 2**20
"""Characters of an answer."""


def work(generation_id: str) -> None:
    """Ask the server and pass on what it says, unless another worker is at it."""
    advance(RemoteGeneration, generation_id, work_slice)


def work_slice(lease: Lease) -> None:
    """One slice is the whole answer: a stream cannot be put down and taken up again."""
    row = RemoteGeneration.objects.select_related("model", "owner").get(pk=lease.row)
    if row.status not in RemoteGeneration.ACTIVE:
        return
    work_guarded(
        "answer",
        begin=lambda: _begin(lease, row),
        work=lambda: _work(lease, row),
        fail=lambda shape: _end(lease, row, Status.FAILED, error=shape),
    )


def _begin(lease: Lease, row: RemoteGeneration) -> int:
    with fenced(lease):
        return row.count_attempt()


def _work(lease: Lease, row: RemoteGeneration) -> None:
    if row.is_cancelled:
        _end(lease, row, Status.CANCELLED, "cancelled")
        return
    backend = backend_of(row.model)
    if row.text:
        raise UnmaskError(
            "network",
            f"The worker that read from {backend.name} ended in the middle of the answer. What "
            "came stays; ask again for a whole one.",
        )
    with renewed(lease):
        _Answer(lease, row, backend).run()


def _end(
    lease: Lease,
    row: RemoteGeneration,
    status: str,
    reason: str = "",
    error: dict[str, Any] | None = None,
) -> None:
    with fenced(lease):
        row.finish_reason = reason
        remote.GENERATOR.end(row=row, status=status, error=error)


class _Answer:
    """Stores what a stream tells in batches, until its end, a wish to stop, or a failure."""

    def __init__(self, lease: Lease, row: RemoteGeneration, backend: RemoteBackend) -> None:
        self._lease, self._row, self._backend = lease, row, backend
        self._waiting: list[Piece] = []
        self._finish = "stop"

    def run(self) -> None:
        """Raises UnmaskError; what came before it is stored."""
        try:
            cancelled = self._read()
        except UnmaskError:
            self._store()
            raise
        self._store()
        status = Status.CANCELLED if cancelled else Status.DONE
        _end(self._lease, self._row, status, "cancelled" if cancelled else self._finish)

    def _read(self) -> bool:
        """Whether it was cancelled. Raises UnmaskError."""
        call = protocols.call_for(self._row.model, self._row.prompt, self._row.settings)
        until = time.monotonic() + ANSWER_SECONDS
        with reading(self._backend, call) as stream:
            looked = time.monotonic()
            while time.monotonic() < until:
                try:
                    self._take_some(stream)
                except Ended:
                    return False
                self._store()
                if time.monotonic() - looked >= CANCEL_SECONDS:
                    looked = time.monotonic()
                    if self._row.is_cancelled:
                        return True
        raise UnmaskError("timeout", "The answer took too long and was ended.")

    def _take_some(self, stream: Any) -> None:
        """The next piece, and all that come within a batch's time after it."""
        piece = stream.next(CANCEL_SECONDS)
        until = time.monotonic() + BATCH_SECONDS
        while piece is not None:
            self._take(piece)
            piece = stream.next(max(0.0, until - time.monotonic()))
            if time.monotonic() >= until and piece is not None:
                self._take(piece)
                return

    def _take(self, piece: Piece) -> None:
        self._waiting.append(piece)
        self._row.tokens += piece.tokens
        self._row.usage = piece.usage or self._row.usage
        self._finish = piece.finish or self._finish
        if len(self._row.text) + sum(len(one.text) for one in self._waiting) > LONGEST_TEXT:
            raise UnmaskError("generation", "The answer grew too long and was ended.")

    def _store(self) -> None:
        """What waits, texts joined where no state stands between them."""
        waiting, self._waiting = self._waiting, []
        told = _joined(waiting)
        if told:
            with fenced(self._lease), gathered():
                for piece in told:
                    remote.tell(row=self._row, text=piece.text, drafts=piece.drafts)


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Pieces that tell something; those without states as one."""
    if any(piece.drafts for piece in pieces):
        return [piece for piece in pieces if piece.text or piece.drafts]
    text = "".join(piece.text for piece in pieces)
    return [Piece(text)] if text else []
