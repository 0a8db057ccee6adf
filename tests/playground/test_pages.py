"""The pages of conversations without scripts: list, conversation, buttons, strangers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inference.models import ModelEntry
from playground.models import Conversation, Message
from playground.selectors.models import default_for_chat, models_for_chat
from tests.playground.conftest import answer_of
from tests.playground.working import work_off

pytestmark = pytest.mark.django_db
SHORT = {"max_new_tokens": 12}
ONCE = "Once upon a time"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def here(conversation: Conversation, name: str = "conversation", *more: Any) -> str:
    return reverse(name, args=[conversation.pk, *more])


def do(client: Client, conversation: Conversation, name: str, **fields: Any) -> Any:
    return client.post(here(conversation, "chat_act", name), fields)


def test_a_conversation_begins_with_a_form(model: Any, owner_client: Client, sent: Any) -> None:
    answer = owner_client.post(reverse("begin_chat"), {"message": ONCE, "model": model.slug})
    conversation = Conversation.objects.get()
    assert answer.headers["Location"] == here(conversation)
    page = owner_client.get(here(conversation)).content.decode()
    assert "Waiting for the model" in page
    assert ONCE in page
    work_off()
    page = owner_client.get(here(conversation)).content.decode()
    assert "not trained on conversations" in page
    assert "tokens/s" in page
    assert 'value="' in page
    assert "/ 192 tokens" in page


def test_a_new_conversation_keeps_its_settings(model: Any, owner_client: Client, sent: Any) -> None:
    fields = {"message": ONCE, "max_new_tokens": "8", "temperature": "0.7", "recipe": ""}
    owner_client.post(reverse("begin_chat"), fields)
    conversation = Conversation.objects.get()
    assert conversation.settings == {"max_new_tokens": 8, "temperature": 0.7}
    refused = owner_client.post(reverse("begin_chat"), {**fields, "recipe": "no/such"}, follow=True)
    assert "is no recipe of this site" in refused.content.decode()
    assert Conversation.objects.count() == 1
    page = owner_client.get(here(conversation)).content.decode()
    assert 'name="temperature" inputmode="decimal" value="0.7"' in page


def test_the_page_says_how_small_the_model_is(model: Any, owner_client: Client, sent: Any) -> None:
    ModelEntry.objects.filter(pk=model.pk).update(parameters=1_234_567)
    page = owner_client.get(reverse("chats")).content.decode()
    assert "1.23 million parameters" in page
    assert "This model is very small" in page
    owner_client.post(reverse("begin_chat"), {"message": ONCE})
    page = owner_client.get(here(Conversation.objects.get())).content.decode()
    assert "1.23 million parameters" in page
    ModelEntry.objects.filter(pk=model.pk).update(parameters=8_000_000_000)
    page = owner_client.get(here(Conversation.objects.get())).content.decode()
    assert "8 billion parameters" in page
    assert "very small" not in page


def test_conversations_begin_with_a_model_that_knows_them(
    model: Any, owner: User, settings: Any
) -> None:
    rows = ModelEntry.objects.exclude(state=ModelEntry.State.ABSENT)
    rows.filter(slug__startswith="smollm2").delete()
    for slug, kind, card in (
        ("smollm2-135m-instruct", "autoregressive", {}),
        ("twin", "diffusion", {"chat": True}),
    ):
        columns = {"kind": kind, "card": card, "label": slug}
        ModelEntry.objects.update_or_create(slug=slug, defaults={**columns, "state": "available"})
    settings.DEFAULT_MODEL = ""
    assert [one.slug for one in models_for_chat(owner)][:3] == [
        "smollm2-135m-instruct",
        "twin",
        "stories",
    ]
    settings.DEFAULT_MODEL = "sudoku"
    assert models_for_chat(owner)[0].slug == "sudoku"
    ModelEntry.objects.filter(slug="smollm2-135m-instruct").update(state="absent")
    settings.DEFAULT_MODEL = ""
    assert default_for_chat(owner).slug == "twin"


def test_buttons_are_commands(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    do(owner_client, conversation, "regenerate", message_id=answer.pk, temperature="1.2")
    work_off()
    page = owner_client.get(here(conversation)).content.decode()
    assert "2/2" in page
    assert Message.objects.latest("pk").settings["temperature"] == 1.2
    do(owner_client, conversation, "show", message_id=answer.pk)
    assert "1/2" in owner_client.get(here(conversation)).content.decode()
    do(owner_client, conversation, "edit", message_id=answer.parent_id, message="One day")
    assert "One day" in owner_client.get(here(conversation)).content.decode()


def test_two_sends_at_once_say_the_rule(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    do(owner_client, conversation, "send", message="and then")
    refused = owner_client.post(
        here(conversation, "chat_act", "send"), {"message": "again"}, follow=True
    )
    assert "An answer is being written" in refused.content.decode()
    script = owner_client.post(
        here(conversation, "chat_act", "send"),
        {"message": "again"},
        headers={"Accept": "application/json"},
    )
    assert (script.status_code, script.json()["error_type"]) == (409, "conflict")


def test_title_folder_and_settings_are_changed(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    fields = {"title": "Dogs", "folder": "Animals", "system_prompt": "Be brief."}
    do(owner_client, conversation, "change", **fields, max_new_tokens="20", temperature="0.5")
    conversation.refresh_from_db()
    assert {name: getattr(conversation, name) for name in fields} == fields
    assert conversation.settings == {"max_new_tokens": 20, "temperature": 0.5}
    do(owner_client, conversation, "change", folder="", system_prompt="")
    conversation.refresh_from_db()
    assert (conversation.title, conversation.folder, conversation.system_prompt) == ("Dogs", "", "")
    assert conversation.settings["max_new_tokens"] == 20


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_new_tokens", "many"),
        ("max_new_tokens", "0"),
        ("max_new_tokens", "9" * 400),
        ("temperature", "nan"),
        ("temperature", "-1"),
        ("top_p", "2"),
        ("seed", "1.5"),
        ("model", "nobody's"),
        ("title", "x" * 201),
        ("folder", "x" * 101),
    ],
)
def test_bad_fields_change_nothing(chat: Any, owner_client: Client, field: str, value: str) -> None:
    conversation = chat(ONCE, settings=SHORT)
    before = Conversation.objects.filter(pk=conversation.pk).values().get()
    path = here(conversation, "chat_act", "change")
    refused = owner_client.post(path, {field: value}, headers={"Accept": "application/json"})
    assert refused.status_code == (404 if field == "model" else 400)
    assert Conversation.objects.filter(pk=conversation.pk).values().get() == before


def test_the_list_is_searched_and_sorted_into_folders(
    chat: Any, owner_client: Client, stranger_client: Client
) -> None:
    dogs, cats = chat("A story of dogs", settings=SHORT), chat("A tale of cats", settings=SHORT)
    do(owner_client, dogs, "change", folder="Animals")
    list = reverse("chats")

    def found(client: Client = owner_client, **query: str) -> set[str]:
        text = client.get(list, query, headers={"HX-Request": "true"}).content.decode()
        return {str(one.pk) for one in (dogs, cats) if str(one.pk) in text}

    both = {str(dogs.pk), str(cats.pk)}
    assert found() == both
    assert found(q="stor dog") == {str(dogs.pk)}
    assert found(q="cats") == {str(cats.pk)}
    assert found(q='"NOT *) --zzz') == set()
    assert found(folder="Animals") == {str(dogs.pk)}
    assert found(stranger_client) == found(stranger_client, q="dogs") == set()
    do(owner_client, cats, "change", archived="true")
    assert found() == {str(dogs.pk)}
    assert found(archived="1") == {str(cats.pk)}


def test_texts_are_found_by_the_words_of_the_answer(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    Message.objects.filter(pk=answer.pk).update(text="a gräfliche zebra")
    for words, there in (("zebra", True), ("grafl", True), ("zebras", False)):
        page = owner_client.get(reverse("chats"), {"q": words}).content.decode()
        assert (str(conversation.pk) in page) is there


def test_deleting_can_be_undone(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    gone = do(owner_client, conversation, "delete")
    assert owner_client.get(here(conversation)).status_code == 404
    page = owner_client.get(gone.headers["Location"]).content.decode()
    assert here(conversation, "chat_act", "restore") in page
    do(owner_client, conversation, "restore")
    assert owner_client.get(here(conversation)).status_code == 200


def test_hostile_text_is_text(chat: Any, owner_client: Client) -> None:
    conversation = chat(HOSTILE, settings=SHORT)
    page = owner_client.get(here(conversation)).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_strangers_get_404_everywhere(
    chat: Any, friend: User, stranger_client: Client, owner_client: Client
) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    friend_client = Client()
    friend_client.force_login(friend)
    for client in (stranger_client, friend_client):
        for name, *more in (
            ("conversation",),
            ("chat_line",),
            ("chat_turn", answer.pk),
            ("chat_drafts", answer.pk),
            ("chat_tokens", answer.pk),
            ("export_chat", "json"),
        ):
            assert client.get(here(conversation, name, *more)).status_code == 404
        for name in ("send", "stop", "edit", "regenerate", "continue", "show", "change", "delete"):
            fields = {"message": "x", "message_id": answer.pk, "title": "x"}
            assert do(client, conversation, name, **fields).status_code == 404
    assert owner_client.get(here(conversation, "chat_turn", answer.pk)).status_code == 200
    assert owner_client.get(here(conversation, "chat_turn", 10**9)).status_code == 404
    assert do(owner_client, conversation, "nothing").status_code == 404


def test_a_guest_s_conversations_go_along(chat: Any, owner: User, friend: User) -> None:
    from accounts.ownership import merge

    conversation = chat(ONCE, settings=SHORT)
    merge(owner, friend)
    conversation.refresh_from_db()
    assert conversation.owner == friend


def test_long_conversations_are_opened_by_few_queries(
    chat: Any, owner_client: Client, django_assert_max_num_queries: Any
) -> None:
    conversation = chat(ONCE, settings=SHORT)
    parent = answer_of(conversation)
    for number in range(300):
        parent = Message.objects.create(
            conversation=conversation,
            parent=parent,
            role=("user", "assistant")[number % 2],
            text=f"turn {number}",
            html=f"<p>turn {number}</p>",
        )
    Conversation.objects.filter(pk=conversation.pk).update(head=parent)
    with django_assert_max_num_queries(25):
        page = owner_client.get(here(conversation)).content.decode()
    assert "turn 299" in page
    assert "turn 200<" not in page
    assert "Older messages" in page
    older = owner_client.get(here(conversation, "chat_line"), {"before": str(parent.pk - 59)})
    assert "turn 239<" in older.content.decode()


def test_an_answer_tells_how_it_formed(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    page = owner_client.get(here(conversation)).content.decode()
    assert f'data-forming="turn/{answer.pk}/drafts/"' in page
    assert f'href="{answer.url}"' in page
    told = owner_client.get(here(conversation, "chat_drafts", answer.pk)).json()
    first, last = told["drafts"][0], told["drafts"][-1]
    assert (first["masked"], last["masked"]) == (12, 0)
    assert len(first["canvas"]) == first["prompt_length"] + 12
    question = owner_client.get(here(conversation, "chat_drafts", answer.parent_id)).json()
    assert question["drafts"] == []


def test_the_page_marks_where_the_model_began_to_read(chat: Any, owner_client: Client) -> None:
    long = "the dog ran to the park and saw a cat and the cat ran to the dog " * 3
    conversation = chat(long, long, long, settings={"max_new_tokens": 60})
    turns = list(Message.objects.filter(conversation=conversation).order_by("pk"))
    left_out = turns[-1].left_out
    assert left_out > 0
    page = owner_client.get(here(conversation)).content.decode()
    mark = page.index("data-mark")
    assert page.index(f'id="turn-{turns[left_out - 1].pk}"') < mark
    assert mark < page.index(f'id="turn-{turns[left_out].pk}"')
    assert page.count("data-mark") == 1


def test_a_turn_s_key_changes_with_what_is_drawn(chat: Any, owner_client: Client) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)

    def keys() -> list[str]:
        text = owner_client.get(here(conversation, "chat_line")).content.decode()
        return re.findall(r'data-key="([^"]+)"', text)

    before = keys()
    assert keys() == before
    do(owner_client, conversation, "edit", message_id=answer.pk, message="Another")
    do(owner_client, conversation, "show", message_id=answer.pk)
    after = keys()
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)
