"""The page of models: what everybody sees, what forms do, and who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from inference.models import ModelEntry, ModelFolder, WorkerBeat
from inference.remote_backends import RemoteBackend
from library.models import Download
from library.services import downloads, remote
from tests.library.conftest import NAME
from tests.library.hub_server import Hub
from tests.tiny import tiny_model
from visualizer.models import Command

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("listed")]
SITE = override_settings(EMBEDDED=False, REDIS_URL="redis://127.0.0.1:1/0")
HELD = {"stories": {"bytes": 4 * 2**20, "device": "cpu", "seconds": 0.25}}


@pytest.fixture
def worker() -> WorkerBeat:
    told = {"models": {"budget": 8 * 2**20, "held": HELD}}
    ModelEntry.objects.filter(slug="stories").update(state=ModelEntry.State.LOADED)
    return WorkerBeat.objects.create(
        name="w:1", device="cpu", loaded=["stories"], metrics=told, seen=timezone.now()
    )


def page(client: Client) -> str:
    answer = client.get(reverse("models"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def post(client: Client, name: str, **form: str) -> Any:
    return client.post(reverse("models_act", args=[name]), form, follow=True)


def test_the_page_tells_what_each_model_is_and_where_it_lies(owner_client: Client) -> None:
    text = page(owner_client)
    for words in ("stories", "shipped", "LLaDA 8B Instruct", "about 14.9", "MIT", "ML-GSAI/LLaDA"):
        assert words in text, words
    assert "smollm2-135m-instruct" in text
    assert "No worker is alive" in text


def test_memory_device_and_time_are_shown(owner_client: Client, worker: WorkerBeat) -> None:
    text = page(owner_client)
    assert "4.0\xa0MB of 8.0\xa0MB" in text
    assert "50 % of the memory" in text
    assert "on cpu, loaded in 0.3 s" in text


def test_somebody_else_s_own_model_has_no_name_here(
    owner_client: Client, stranger: User, stranger_client: Client, worker: WorkerBeat
) -> None:
    available = ModelEntry.State.AVAILABLE
    ModelEntry.every.create(
        slug="mine", label="Diary", path="m", owner=stranger, state=available, error="private"
    )
    worker.metrics["models"]["held"]["mine"] = HELD["stories"]
    worker.save()
    seen = page(owner_client)
    assert "Somebody’s own model" in seen
    assert "Diary" not in seen
    told = owner_client.get("/api/diffusion/library").content.decode()
    assert "mine" not in told
    assert "Diary" in page(stranger_client)


def test_an_older_worker_that_tells_nothing_of_models_is_shown(owner_client: Client) -> None:
    WorkerBeat.objects.create(name="old", device="cpu", metrics={}, seen=timezone.now())
    assert "No model is loaded." in page(owner_client)


def test_loading_is_asked_for_and_shown_at_once(
    owner_client: Client,
    owner: User,
    sent: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        post(owner_client, "load", model="addition", device="cpu")
    command = Command.objects.get(type="load_model")
    assert (command.user, command.message["model_path"]) == (owner, "addition")
    assert (Command.TASK, command.pk) in sent
    text = page(owner_client)
    assert "waits to be loaded" in text
    assert 'hx-trigger="every 2s"' in text
    owner.profile.refresh_from_db()
    assert owner.profile.settings["model"] == "addition"


def test_the_page_looks_again_until_the_worker_has_told(
    owner_client: Client, worker: WorkerBeat
) -> None:
    assert "every 2s" not in page(owner_client)
    ModelEntry.objects.filter(slug="addition").update(state=ModelEntry.State.LOADED)
    assert "every 2s" in page(owner_client)


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"model": "nobody"}, "There is no such model"),
        ({"model": "a\0b"}, "There is no such model"),
        ({"model": "GSAI-ML/LLaDA-1.5"}, "not on this machine"),
        ({"model": "stories", "device": "tpu"}, "device"),
        ({}, "There is no such model"),
    ],
)
def test_what_cannot_be_loaded_is_told_on_the_page(
    owner_client: Client, form: dict[str, str], words: str
) -> None:
    assert words in post(owner_client, "load", **form).content.decode()
    assert not Command.objects.exists()


def test_unloading_asks_the_workers(owner_client: Client, worker: WorkerBeat) -> None:
    post(owner_client, "unload", model="stories")
    assert ModelEntry.objects.get(slug="stories").cancel_requested


@pytest.mark.usefixtures("sent")
def test_a_download_is_begun_followed_and_cancelled(owner_client: Client, hub: Hub) -> None:
    post(owner_client, "download", repository=NAME, revision="")
    row = Download.objects.get()
    assert (row.repository, row.revision) == (NAME, "main")
    assert "Waits for its turn" in page(owner_client)
    Download.objects.update(status="running", bytes_total=200, bytes_done=50, file="x.safetensors")
    text = owner_client.get(reverse("models_live")).content.decode()
    assert 'aria-valuenow="25"' in text
    assert "x.safetensors" in text
    post(owner_client, "cancel_download", download=str(row.pk))
    row.refresh_from_db()
    assert row.cancel_requested
    assert (
        "There is no such download"
        in post(owner_client, "cancel_download", download="x").content.decode()
    )


@pytest.mark.usefixtures("sent")
def test_a_failed_download_says_why_and_can_be_tried_again(
    owner_client: Client, owner: User, hub: Hub
) -> None:
    row = downloads.start(user=owner, repository=NAME)
    downloads.end(row=row, status="failed", error={"message": "The disk <b>is</b> full."})
    text = page(owner_client)
    assert "The disk &lt;b&gt;is&lt;/b&gt; full." in text
    assert "Try again" in text


def test_the_list_comes_along_when_it_has_changed(owner_client: Client, hub: Hub) -> None:
    text = page(owner_client)
    seen = owner_client.get(reverse("models_live")).context["seen"]
    same = owner_client.get(reverse("models_live"), {"seen": seen}).content.decode()
    assert 'id="model-list"' in text
    assert 'id="model-list"' not in same
    assert 'hx-swap-oob="true"' in same
    other = owner_client.get(reverse("models_live"), {"seen": "x"}).content.decode()
    assert 'id="model-list" hx-swap-oob="true"' in other


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    tiny_model(tmp_path / "root" / "a" / "deep")
    settings.MODEL_ROOTS = [tmp_path / "root"]
    return tmp_path / "root"


def test_directories_are_added_and_taken_off(owner_client: Client, root: Path) -> None:
    assert "a/deep" in page(owner_client)
    post(owner_client, "add", root=str(root), folder="a/deep", slug="mine")
    assert ModelFolder.objects.get().slug == "mine"
    assert "On the list as mine." in page(owner_client)
    post(owner_client, "remove", slug="mine")
    assert not ModelFolder.objects.exists()


def test_what_is_left_out_is_told(owner_client: Client, settings: Any, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "model.bin").write_bytes(b"x")
    text = page(owner_client)
    assert "Left out" in text
    assert "It has weights and no config.json." in text


def test_servers_elsewhere_say_what_they_cannot_do(owner_client: Client, settings: Any) -> None:
    backend = RemoteBackend(name="far", kind="llamacpp", url="http://10.0.0.1:1", key="s3cret")
    settings.REMOTE_BACKENDS = (backend,)
    assert "It has not answered yet." in page(owner_client)
    remote.store_listing(backend, [{"id": "<b>m", "context": 10, "diffuses": False}])
    text = page(owner_client)
    assert "&lt;b&gt;m (far)" in text
    assert "It cannot fill gaps" in text
    for secret in ("s3cret", "10.0.0.1"):
        assert secret not in text
    remote.store_failure(backend, "far was silent for too long.")
    assert "does not answer" in page(owner_client)
    assert "another server" in post(owner_client, "load", model="far:<b>m").content.decode()


FORMS: dict[str, dict[str, str]] = {
    "unload": {"model": "stories"},
    "download": {"repository": NAME},
    "add": {"root": "/", "folder": "a", "slug": "b"},
    "remove": {"slug": "a"},
    "look": {},
}


@SITE
@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("name", FORMS)
def test_on_a_site_only_staff_changes_what_everybody_uses(
    stranger_client: Client, hub: Hub, name: str
) -> None:
    assert "by its staff" in post(stranger_client, name, **FORMS[name]).content.decode()
    assert not Download.objects.exists()
    assert not ModelEntry.objects.filter(cancel_requested=True).exists()


@SITE
@pytest.mark.usefixtures("sent", "worker")
def test_on_a_site_everybody_sees_and_only_staff_gets_buttons(
    owner: User, owner_client: Client, stranger_client: Client, hub: Hub, root: Path
) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    post(owner_client, "download", repository=NAME)
    seen, managed = page(stranger_client), page(owner_client)
    for words in (NAME, "stories", "LLaDA 8B Base", "In memory"):
        assert words in seen
    for words in ("Unload", "Cancel the download", 'name="repository"', str(root), "Look for new"):
        assert words in managed, words
        assert words not in seen, words


@override_settings(ALLOW_GUESTS=False)
def test_nobody_without_an_account_sees_it() -> None:
    assert Client().get(reverse("models")).status_code == 302
    assert Client().post(reverse("models_act", args=["look"])).status_code == 302


def test_other_names_and_methods_are_refused(owner_client: Client) -> None:
    answer = owner_client.post(reverse("models_act", args=["explode"]), follow=True)
    assert "nothing of this name" in answer.content.decode()
    assert owner_client.get(reverse("models_act", args=["look"])).status_code == 405
    assert owner_client.post(reverse("models")).status_code == 405
