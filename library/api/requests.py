"""What the routes about models take."""

from __future__ import annotations

from pydantic import Field

from visualizer.api.requests import Strict


class DownloadRequest(Strict):
    """A repository of the hub."""

    repository: str = Field(min_length=1, max_length=200, description="owner/name")
    revision: str = Field("main", min_length=1, max_length=100, description="branch, tag or commit")


class DirectoryRequest(Strict):
    """A directory that is to be on the list of models."""

    root: str = Field(min_length=1, max_length=500, description="one of MODEL_ROOTS")
    folder: str = Field(min_length=1, max_length=500, description="one of GET directories")
    slug: str = Field(min_length=1, max_length=200, description="its name on the list")
