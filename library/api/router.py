"""`/api/diffusion`: `library`, `downloads`, `directories`."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from library.api import answers
from library.api.answers import (
    Directory,
    DirectoryList,
    DownloadAnswer,
    DownloadList,
    Library,
)
from library.api.requests import DirectoryRequest, DownloadRequest
from library.selectors import directories, models
from library.selectors.downloads import downloads as all_downloads
from library.selectors.servers import servers
from library.services import downloads, folders
from library.services.access import may_manage, require_manager
from visualizer.api.errors import documented
from visualizer.api.router import EnabledAccount

router = Router(auth=EnabledAccount(), tags=["library"])


@router.get("/library", response=documented(Library))
def library(request: HttpRequest) -> Library:
    """Models here and elsewhere, what is left out and why, what could be downloaded, and memory."""
    alive = models.workers(request.user)
    return Library(
        models=[answers.listed(row) for row in models.rows(request.user, alive)],
        known=[answers.known(row) for row in models.absent()],
        left_out=[one for root in directories.searched() for one in answers.left_out(root)],
        workers=[answers.memory(worker) for worker in alive],
        servers=[answers.server(row) for row in servers()],
        free_bytes=directories.free_bytes(),
        may_manage=may_manage(request.user),
    )


@router.get("/downloads", response=documented(DownloadList))
def list_downloads(request: HttpRequest) -> DownloadList:
    """Downloads under way, and the last that are over."""
    told = [answers.download(row) for row in all_downloads()]
    return DownloadList(downloads=told, free_bytes=directories.free_bytes())


@router.post("/downloads", response=documented(DownloadAnswer))
def begin_download(request: HttpRequest, data: DownloadRequest) -> DownloadAnswer:
    """Bring a model from the hub: safetensors and texts, each checked by its hash.

    One is worked at a time, the others wait. On a site of several people this is for staff.
    """
    row = downloads.start(user=request.user, repository=data.repository, revision=data.revision)
    return answers.download(row)


@router.get("/downloads/{id}", response=documented(DownloadAnswer))
def one_download(request: HttpRequest, id: str) -> DownloadAnswer:
    """How far a download is."""
    return answers.download(downloads.download_for(id))


@router.post("/downloads/{id}/cancel", response=documented(DownloadAnswer))
def cancel_download(request: HttpRequest, id: str) -> DownloadAnswer:
    """End a download. What came stays, and another one goes on from there."""
    return answers.download(downloads.cancel(user=request.user, id=id))


@router.get("/directories", response=documented(DirectoryList))
def list_directories(request: HttpRequest) -> DirectoryList:
    """For staff: model directories under the configured roots, and the names of added ones."""
    require_manager(request.user)
    return DirectoryList(directories=[answers.directory(row) for row in directories.candidates()])


@router.post("/directories", response=documented(Directory))
def add_directory(request: HttpRequest, data: DirectoryRequest) -> Directory:
    """For staff: put a directory on the list of models."""
    row = folders.add(user=request.user, root=data.root, folder=data.folder, slug=data.slug)
    return Directory(root=row.root, folder=row.folder, slug=row.slug)


@router.delete("/directories/{path:slug}", response=documented(DirectoryList))
def remove_directory(request: HttpRequest, slug: str) -> DirectoryList:
    """For staff: take an added directory off the list; its files stay."""
    folders.remove(user=request.user, slug=slug)
    return DirectoryList(directories=[answers.directory(row) for row in directories.candidates()])
