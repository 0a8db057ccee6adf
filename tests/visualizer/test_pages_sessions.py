"""The list of sessions: a bin, what came out of each, new models, and the QR code of a link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import segno
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from inference.engine.canvas import Canvas, Slot
from inference.labels import pack
from inference.models import ModelEntry, Vocabulary
from tests.tiny import tiny_model
from tests.visualizer.fakes import ALPHABET
from visualizer.models import Session
from visualizer.selectors.generated_text import generated_text
from visualizer.selectors.labels import labels_for
from visualizer.selectors.previews import preview_of
from visualizer.selectors.token_logprobs import Decision, _within
from visualizer.services.sessions import delete_session
from visualizer.views.sharing import qr_code

pytestmark = pytest.mark.django_db


def test_deleted_sessions_are_in_the_bin_and_come_back(
    owner_client: Client, friend: User, session: Session
) -> None:
    assert "?bin=1" not in owner_client.get("/sessions/").content.decode()
    owner_client.post(f"/sessions/{session.pk}/delete/")
    assert "Deleted (1)" in owner_client.get("/sessions/").content.decode()
    page = owner_client.get("/sessions/?bin=1").content.decode()
    assert f"/sessions/{session.pk}/restore/" in page
    assert f'href="/sessions/{session.pk}/"' not in page
    friend_client = Client()
    friend_client.force_login(friend)
    other = friend_client.get("/sessions/?bin=1").content.decode()
    assert str(session.pk) not in other
    assert friend_client.post(f"/sessions/{session.pk}/restore/").status_code == 404
    owner_client.post(f"/sessions/{session.pk}/restore/")
    assert f'href="/sessions/{session.pk}/"' in owner_client.get("/sessions/").content.decode()


def test_a_live_session_is_not_in_the_bin(owner_client: Client, session: Session) -> None:
    other = Session.objects.get(pk=session.pk)
    delete_session(session=other)
    owner_client.post(f"/sessions/{session.pk}/restore/")
    assert str(session.pk) not in owner_client.get("/sessions/?bin=1").content.decode()


def test_rows_show_model_text_and_order(
    play: Any, owner: User, owner_client: Client, session: Session
) -> None:
    plain = owner_client.get("/sessions/").content.decode()
    assert "Tiny" in plain
    assert 'class="strip' not in plain
    play(owner, session, type="apply_selection", selections={"4": 3, "5": 1})
    play(owner, session, type="apply_selection", selections={"6": 20})
    preview = preview_of(Session.objects.get(pk=session.pk))
    assert preview
    assert preview.text.startswith("cat")
    assert preview.strip == [0, 0, 3, *[None] * 9]
    page = owner_client.get("/sessions/").content.decode()
    assert 'excerpt result">cat' in page
    assert page.count('class="swatch') == 12


def byte_canvas(session: Session, text: str) -> Canvas:
    """A session whose tokens are bytes, and a canvas of "Say " and a text's, the last one open."""
    pieces = [bytes([n]).decode("utf-8", "surrogateescape") for n in range(256)]
    kept = Vocabulary.objects.create(hash="d" * 64, size=257, pieces=pack([*pieces, "<|mask|>"]))
    session.model.vocabulary, session.mask_id = kept, 256
    tokens = [*f"Say {text}".encode()[:-1], 256]
    slots = tuple(Slot(n, token, prompt=n < 4) for n, token in enumerate(tokens))
    return Canvas(slots, mask_id=256, prompt_length=4)


def test_characters_of_several_tokens_are_whole_wherever_a_text_is_shown(session: Session) -> None:
    canvas = byte_canvas(session, "é 你好 👩‍👧")
    labels = labels_for(session)
    assert generated_text(session, canvas).startswith("é 你好 👩‍<0xF0><0x9F><0x91> … ")
    assert labels.text(canvas.tokens[:6]) == "Say é"
    written = {slot.id: Decision(0, slot.id) for slot in canvas.slots[4:]}
    told = _within("é 你好 ", canvas, written, labels)
    assert "".join(text for _, text in told) == "é 你好 "
    assert [slot.token for slot, _ in told] == [*"é 你好 ".encode()]


def test_a_text_ends_at_any_model_s_end_token(session: Session) -> None:
    pieces = [*"abc", "<|im_end|>", "[MASK]", "<|expand|>", "<|im_start|>"]
    kept = Vocabulary.objects.create(hash="e" * 64, size=7, pieces=pack(pieces, [3, 4, 5, 6]))
    session.model.vocabulary, session.model.edit_ids = kept, {"expand": 5}
    session.mask_id = 4
    slots = tuple(Slot(n, token) for n, token in enumerate((6, 0, 4, 5, 1, 3, 2, 3)))
    canvas = Canvas(slots, mask_id=4, prompt_length=0)
    assert generated_text(session, canvas) == "a … <|expand|>b"


def test_what_a_model_wrote_is_text_in_the_list(
    play: Any, owner: User, owner_client: Client, session: Session
) -> None:
    picks = {str(4 + n): ALPHABET.index(letter) for n, letter in enumerate("<b>")}
    play(owner, session, type="apply_selection", selections=picks)
    preview = preview_of(Session.objects.get(pk=session.pk))
    assert preview
    assert preview.text.startswith("<b>")
    page = owner_client.get("/sessions/").content.decode()
    assert "&lt;b&gt; …" in page
    assert "<b> …" not in page


def test_new_models_are_found_by_a_button(
    owner_client: Client, entry: ModelEntry, tmp_path: Path, settings: Settings
) -> None:
    settings.MODELS_DIR = tmp_path
    tiny_model(tmp_path / "fresh")
    answer = owner_client.post("/models/find/", follow=True).content.decode()
    assert ModelEntry.objects.filter(slug="fresh").exists()
    assert "Tiny 0" in answer
    again = owner_client.post("/models/find/", follow=True).content.decode()
    assert "No new model was found." in again
    assert owner_client.get("/models/find/").status_code == 405


def test_a_new_link_comes_with_its_qr_code(owner_client: Client, session: Session) -> None:
    page = owner_client.post(f"/sessions/{session.pk}/share/", {"name": "", "hours": ""})
    text = page.content.decode()
    (address,) = re.findall(r'id="address" class="input" value="([^"]+)"', text)
    assert str(qr_code(address)) in text
    assert 'class="qr"' not in owner_client.get(f"/sessions/{session.pk}/share/").content.decode()


def test_the_qr_code_is_that_of_the_address() -> None:
    address = "https://example.org/r/abc/"
    assert str(qr_code(address)).count("<path") == 2
    assert segno.make(address, error="m", micro=False).matrix != segno.make("x", micro=False).matrix
