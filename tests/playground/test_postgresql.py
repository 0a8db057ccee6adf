"""Full-text search on PostgreSQL: the index, and the same answers as on SQLite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers import SECRET, environment, manage

pytestmark = pytest.mark.servers
CODE = """
import json
from django.contrib.auth.models import User
from django.db import connection
from inference import registry
from playground.models import Message
from playground.selectors.conversations import conversations_of
from playground.selectors.search import matching
from playground.services.conversations import create_conversation
registry.sync_models()
owner = User.objects.create_user("owner")
one = create_conversation(owner=owner, model=registry.default_model(), title="Dogs")
two = create_conversation(owner=owner, model=registry.default_model(), title="Cats")
Message.objects.create(conversation=one, role="user", text="a zebra in the park")
Message.objects.create(conversation=two, role="user", text="nothing of that kind")
find = lambda words: [row.title for row in matching(conversations_of(owner), words)]
with connection.cursor() as cursor:
    cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'playground_message'")
    names = [row[0] for row in cursor.fetchall()]
print(json.dumps({
    "index": "playground_message_fts" in names,
    "found": [find("zeb par"), find("zebras"), find("cats"), find("'& | ! zebra:*"), find("")],
}))
"""


def test_search_finds_words_by_their_beginnings(tmp_path: Path, postgres_url: str) -> None:
    urls = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": postgres_url}
    env = environment(tmp_path, **urls, SECRET_KEY=SECRET)
    manage(env, "migrate", "--verbosity", "0")
    told = json.loads(manage(env, "shell", "--verbosity", "0", "-c", CODE))
    assert told["index"]
    assert told["found"] == [["Dogs"], [], ["Cats"], ["Dogs"], ["Cats", "Dogs"]]
