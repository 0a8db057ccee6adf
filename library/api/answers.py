"""What the routes about models answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from library.models import Download
from library.selectors.directories import Candidate, SearchedDirectory
from library.selectors.models import AbsentModel, ModelRow, WorkerMemory
from library.selectors.servers import Server


class DownloadAnswer(BaseModel):
    """A download; `status`: queued, running, done, cancelled or failed."""

    id: str
    repository: str
    revision: str
    commit: str = Field(description="what the revision meant when it began; empty until then")
    licence: str = Field(description="as the repository says")
    status: str
    file: str = Field(description="that is being fetched")
    bytes_done: int
    bytes_total: int = Field(description="0 until the hub has told")
    error: dict[str, Any] | None = Field(description="the one error shape")


class DownloadList(BaseModel):
    """Those under way, oldest first, then the last that are over."""

    downloads: list[DownloadAnswer]
    free_bytes: int = Field(description="room where downloads go")


class Held(BaseModel):
    """A model in a worker's memory."""

    model: str = Field(description="empty: somebody else's own")
    device: str
    bytes: int
    seconds: float = Field(description="that loading took")


class Memory(BaseModel):
    """A worker's memory for models."""

    worker: str
    device: str
    budget: int = Field(description="bytes; MODEL_MEMORY_MB, or three quarters of the device")
    used: int
    held: list[Held]


class Known(BaseModel):
    """A published model that is not here."""

    id: str
    label: str
    family: str
    parameters: int
    bytes: int = Field(description="of its weights in 16 bits, about")
    licence: str = Field(description="empty: none was seen; see the repository")
    device: str = Field(description="where it is of use")
    note: str
    source: str = Field(description="who says so")
    what_to_do: str


class Listed(BaseModel):
    """A model that is on this machine, or answers elsewhere."""

    id: str
    label: str
    kind: str
    family: str
    place: str = Field(description="where its files lie")
    state: str
    error: str
    context: int
    lacks: list[str] = Field(description="what cannot be done because it answers elsewhere")


class LeftOutAnswer(BaseModel):
    """Something that looks like a model and is not offered."""

    place: str
    name: str
    reason: str = Field(description="why, and what to do")


class ServerAnswer(BaseModel):
    """A declared server elsewhere."""

    name: str
    label: str
    models: int
    error: str


class Library(BaseModel):
    """Everything that is known of models here."""

    models: list[Listed]
    known: list[Known]
    left_out: list[LeftOutAnswer]
    workers: list[Memory]
    servers: list[ServerAnswer]
    free_bytes: int
    may_manage: bool = Field(description="whether you may download and add")


class Directory(BaseModel):
    """A model directory under a root; `slug`: its name on the list, or empty."""

    root: str
    folder: str
    slug: str


class DirectoryList(BaseModel):
    directories: list[Directory]


def download(row: Download) -> DownloadAnswer:
    return DownloadAnswer(
        id=str(row.pk),
        repository=row.repository,
        revision=row.revision,
        commit=row.commit,
        licence=row.licence,
        status=row.status,
        file=row.file,
        bytes_done=row.bytes_done,
        bytes_total=row.bytes_total,
        error=row.error,
    )


def listed(row: ModelRow) -> Listed:
    entry = row.entry
    return Listed(
        id=entry.slug,
        label=entry.label,
        kind=entry.kind,
        family=entry.family,
        place=row.place,
        state=entry.state,
        error=entry.error,
        context=entry.context,
        lacks=list(row.lacks),
    )


def known(row: AbsentModel) -> Known:
    about = row.about
    return Known(
        id=row.slug,
        label=row.label,
        family=about.family if about else "",
        parameters=about.parameters if about else 0,
        bytes=about.bytes if about else 0,
        licence=about.licence if about else "",
        device=about.device if about else "",
        note=about.note if about else "",
        source=about.source if about else "",
        what_to_do=row.what_to_do,
    )


def left_out(directory: SearchedDirectory) -> list[LeftOutAnswer]:
    return [LeftOutAnswer(place=directory.name, name=n, reason=r) for n, r in directory.left_out]


def memory(row: WorkerMemory) -> Memory:
    held = [
        Held(model=one.slug, device=one.device, bytes=one.bytes, seconds=one.seconds)
        for one in row.held
    ]
    return Memory(worker=row.name, device=row.device, budget=row.budget, used=row.used, held=held)


def server(row: Server) -> ServerAnswer:
    return ServerAnswer(name=row.name, label=row.label, models=row.models, error=row.error)


def directory(row: Candidate) -> Directory:
    return Directory(root=row.root, folder=row.folder, slug=row.slug)
