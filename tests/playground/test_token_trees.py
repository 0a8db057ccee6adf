"""Trees of tokens: what is kept is judged by the model, merged, read by its owner, and a record."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import runtime
from inference.engine.causal.engine import CausalEngine
from inference.models import ModelEntry
from playground.models import TokenTree, TreeToken
from playground.records.token_trees import import_tree, tree_record

pytestmark = pytest.mark.django_db(transaction=True)
TREES = "/api/token-trees"
TEXT = "hello wor"
TWO_LINES = [(0, 5), (1, 6), (2, 7), (1, 8)]
"""(parent, token): 5 6 7, and 5 8 on a branch."""


def body(edges: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    listed = [{"parent": parent, "token": token} for parent, token in edges]
    return {"model": "letters", "text": TEXT, "tokens": listed, **more}


@pytest.fixture
def keep(letters: ModelEntry, client_of: Any, owner: User) -> Any:
    """keep(edges, field=…) → (status, answer)."""
    client = client_of(owner)

    def send(edges: list[tuple[int, int]], **more: Any) -> tuple[int, dict[str, Any]]:
        answer = client.post(TREES, body(edges, **more), content_type="application/json")
        return answer.status_code, answer.json()

    return send


def test_a_tree_is_judged_by_the_model(keep: Any, letters: ModelEntry) -> None:
    status, told = keep(TWO_LINES, head=4, seed=7, settings={"temperature": 0.5})
    assert (status, told["numbers"]) == (200, [1, 2, 3, 4])
    tree = TokenTree.objects.get(pk=told["tree"]["id"])
    assert (tree.head, tree.seed, tree.settings["temperature"]) == (4, 7, 0.5)
    assert tree.provenance["weights_hash"]
    engine = CausalEngine(runtime.load(letters))
    for line in ([5, 6, 7], [5, 8]):
        judged = engine.judge([*tree.prompt_ids, *line], 10)[len(tree.prompt_ids) :]
        for one in judged:
            row = TreeToken.objects.filter(tree=tree, token=one.token).get()
            assert row.logprob == pytest.approx(one.logprob, abs=1e-3)
            assert row.entropy == pytest.approx(one.entropy, abs=1e-3)
            assert [entry[0] for entry in row.top] == [token for token, _ in one.top]


def test_shared_beginnings_are_one(keep: Any) -> None:
    first = keep(TWO_LINES)[1]
    again = keep([(0, 5), (1, 8), (2, 9)], tree_id=first["tree"]["id"], head=3)[1]
    assert again["numbers"] == [1, 4, 5]
    assert TokenTree.objects.get().head == 5
    assert TreeToken.objects.count() == 5
    assert TreeToken.objects.get(number=5).parent == 4


def test_only_what_is_new_is_judged(keep: Any, monkeypatch: Any) -> None:
    from inference.runtime import causal

    first = keep(TWO_LINES)[1]
    lines: list[list[int]] = []
    judge = causal.score_line

    def noted(model: Any, ids: list[int], *rest: Any) -> Any:
        lines.append(list(ids))
        return judge(model, ids, *rest)

    monkeypatch.setattr(causal, "score_line", noted)
    keep([*TWO_LINES, (4, 9)], tree_id=first["tree"]["id"])
    keep([*TWO_LINES, (4, 9)], tree_id=first["tree"]["id"])
    assert lines == [[5, 8, 9]]


def test_a_tree_grows_from_one_text_and_model(keep: Any) -> None:
    id = keep(TWO_LINES)[1]["tree"]["id"]
    status, told = keep(TWO_LINES, tree_id=id, text="another")
    assert (status, told["field"]) == (409, "tree_id")


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"text": ""}, 400, "text"),
        ({"text": 7}, 400, "text"),
        ({"text": "x" * 70_000}, 400, "text"),
        ({"tokens": []}, 400, "tokens"),
        ({"tokens": [{"parent": 1, "token": 5}]}, 400, "tokens"),
        ({"tokens": [{"parent": 0, "token": -1}]}, 400, "tokens.0.token"),
        ({"tokens": [{"parent": 0, "token": 1_999_999}]}, 400, "token_ids"),
        ({"tokens": [{"parent": "0", "token": 1}]}, 400, "tokens.0.parent"),
        ({"tokens": [{"token": 1}]}, 400, "tokens.0.parent"),
        ({"tokens": [{"parent": 0, "token": 5}] * 5000}, 400, "tokens"),
        ({"head": 5}, 400, "head"),
        ({"head": -1}, 400, "head"),
        ({"seed": 2**64}, 400, "seed"),
        ({"settings": {"temperature": 11}}, 400, "settings.temperature"),
        ({"settings": {"sample": "yes"}}, 400, "settings.sample"),
        ({"settings": 1}, 400, "settings"),
        ({"model": "stories"}, 404, "model"),
        ({"model": None}, 404, "model"),
        ({"tree_id": "x"}, 400, "tree_id"),
        ({"tree_id": "00000000-0000-0000-0000-000000000000"}, 404, "tree_id"),
        ({"unknown": 1}, 400, "unknown"),
    ],
)
def test_bad_fields_are_named(keep: Any, fields: dict[str, Any], status: int, field: str) -> None:
    told = keep(TWO_LINES, **fields)
    assert (told[0], told[1]["field"]) == (status, field)
    assert not TokenTree.objects.exists()


def test_a_stranger_s_trees_do_not_exist(
    keep: Any, client_of: Any, friend: User, stranger: User, settings: Any
) -> None:
    id = keep(TWO_LINES)[1]["tree"]["id"]
    for user in (friend, stranger):
        client = client_of(user)
        assert client.get(TREES).json() == {"trees": []}
        for answer in (
            client.get(f"{TREES}/{id}"),
            client.get(f"{TREES}/{id}/record"),
            client.delete(f"{TREES}/{id}"),
            client.post(TREES, body(TWO_LINES, tree_id=id), content_type="application/json"),
        ):
            assert answer.status_code == 404
    assert TokenTree.objects.filter(deleted=None).count() == 1
    settings.ALLOW_GUESTS = False
    assert Client().get(f"{TREES}/{id}").status_code == 401


def test_the_owner_reads_and_deletes(keep: Any, client_of: Any, owner: User) -> None:
    id = keep(TWO_LINES, head=2)[1]["tree"]["id"]
    client = client_of(owner)
    (row,) = client.get(TREES).json()["trees"]
    assert (row["id"], row["text"], row["size"]) == (id, TEXT, 4)
    tree = client.get(f"{TREES}/{id}").json()
    assert [(one["parent"], one["token"]) for one in tree["tokens"]] == TWO_LINES
    assert client.delete(f"{TREES}/{id}").status_code == 204
    assert client.get(f"{TREES}/{id}").status_code == 404
    assert client.get(TREES).json() == {"trees": []}


def test_a_record_comes_back_twice_without_loss(keep: Any, client_of: Any, owner: User) -> None:
    id = keep(TWO_LINES, head=3, settings={"temperature": 0.0, "top_p": 0.9})[1]["tree"]["id"]
    client = client_of(owner)
    text = client.get(f"{TREES}/{id}/record").content.decode()
    first = client.post(f"{TREES}/import", text, content_type="application/json").json()["tree"]
    again = client.get(f"{TREES}/{first['id']}/record").content.decode()
    second = client.post(f"{TREES}/import", again, content_type="application/json").json()["tree"]
    last = client.get(f"{TREES}/{second['id']}/record").content.decode()
    assert text == again == last
    assert first["id"] != id


DAMAGES: list[tuple[str, Any]] = [
    ("chain", lambda r: r.update(chain="0" * 64)),
    ("tokens.1", lambda r: r["tokens"][1].update(logprob=-0.5)),
    ("tokens.0", lambda r: r["tree"].update(text="another")),
    ("tokens.2", lambda r: r["tokens"].pop(2)),
    ("tokens.3", lambda r: r["tokens"][3].update(parent=4)),
    ("tokens.3", lambda r: r["tokens"][3].update(token=6)),
    ("tree.head", lambda r: r["tree"].update(head=9)),
    ("version", lambda r: r.update(version=2)),
    ("version", lambda r: r.update(version=True)),
    ("format", lambda r: r.update(format="unmask.session")),
    ("unknown", lambda r: r.update(unknown=1)),
    ("tokens", lambda r: r.update(tokens=[])),
    ("tokens", lambda r: r.update(tokens="no")),
    ("tokens.0", lambda r: r.update(tokens=[5])),
    ("tokens.0.top.0", lambda r: r["tokens"][0].update(top=[5])),
    ("tokens.0.rank", lambda r: r["tokens"][0].update(rank=0)),
    ("tokens.0.hash", lambda r: r["tokens"][0].pop("hash")),
    ("model.slug", lambda r: r["model"].update(slug="")),
    ("tree.settings.temperature", lambda r: r["tree"]["settings"].update(temperature=-1)),
    ("tree.text", lambda r: r["tree"].update(text="")),
]


@pytest.mark.parametrize(("field", "damage"), DAMAGES)
def test_damaged_records_are_refused(
    keep: Any, client_of: Any, owner: User, field: str, damage: Any
) -> None:
    keep(TWO_LINES)
    record = deepcopy(tree_record(TokenTree.objects.get()))
    damage(record)
    answer = client_of(owner).post(f"{TREES}/import", record, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["field"].startswith(field)
    assert TokenTree.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "status"),
    [
        *((text, 400) for text in (b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1e999}')),
        (b"x" * 11_000_000, 413),
    ],
)
def test_what_is_no_record_is_refused(
    letters: ModelEntry, client_of: Any, owner: User, text: bytes, status: int
) -> None:
    answer = client_of(owner).post(f"{TREES}/import", text, content_type="application/json")
    assert (answer.status_code, answer.json()["error_type"]) == (status, "validation")


def test_a_record_of_a_model_that_is_not_here_says_so(keep: Any, friend: User) -> None:
    from inference.errors import UnmaskError

    keep(TWO_LINES)
    record = json.loads(json.dumps(tree_record(TokenTree.objects.get())))
    ModelEntry.objects.filter(slug="letters").update(slug="renamed")
    with pytest.raises(UnmaskError, match="letters, which is not here"):
        import_tree(owner=friend, raw=record)


def test_signing_in_takes_a_guest_s_trees_along(keep: Any, owner: User, friend: User) -> None:
    from accounts.ownership import merge, owners

    keep(TWO_LINES)
    assert any(owner.pk in rows.values_list("owner", flat=True) for rows in owners())
    merge(owner, friend)
    assert TokenTree.objects.get().owner == friend
