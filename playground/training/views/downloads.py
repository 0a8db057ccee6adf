"""A training's model as a file to take along: safetensors, tokenizer, configuration, card."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from inference.errors import UnmaskError
from playground.training.selectors.trainings import moments_of, training_for


@login_required
@require_safe
def download(request: HttpRequest, training_id: UUID) -> FileResponse:
    """The newest moment as a zip archive; `?step=N`: the moment of that step."""
    found = training_for(request.user, training_id)
    step = request.GET.get("step", "")
    rows = moments_of(found).order_by("-step")
    if step:
        rows = rows.filter(step=int(step)) if step.isascii() and step.isdigit() else rows.none()
    moment = rows.first()
    folder = settings.TRAINING_DIR / moment.folder if moment else None
    if moment is None or folder is None or not folder.is_dir():
        raise UnmaskError("not_found", "This training has no model of that step.")
    name = f"{slugify(found.name) or 'model'}-{moment.step}.zip"
    return FileResponse(packed(folder), as_attachment=True, filename=name)


def packed(folder: Path) -> io.BytesIO:
    """The files of a directory in an archive, stored as they are: weights do not shrink."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    made.seek(0)
    return made
