"""A served site, asked by the blocking official client and by an editor's page of mikupad's shape.

That one reads server-sent events by hand: a token's text and its alternatives from each chunk.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.servers import Site

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.servers
STORY: dict[str, Any] = {"model": "stories", "prompt": "Once upon a time", "max_tokens": 16}


def test_the_blocking_client(site: Site) -> None:
    client = openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.token("ada"), max_retries=0)
    assert "stories" in {model.id for model in client.models.list()}
    whole = client.completions.create(**STORY)
    joined = "".join(
        chunk.choices[0].text for chunk in client.completions.create(**STORY, stream=True)
    )
    assert joined == whole.choices[0].text
    assert whole.usage.completion_tokens == 16
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(**{**STORY, "temperature": -1})
    assert refused.value.body["param"] == "temperature"


def editor_asks(site: Site, **fields: Any) -> Iterator[dict[str, Any]]:
    """What an editor sends and reads: no library, lines that begin with `data:`."""
    body = {
        **STORY,
        "stream": True,
        "logprobs": 5,
        "temperature": 0.7,
        "top_p": 1,
        "top_k": 0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "seed": 3,
        "stop": ["\n\n\n"],
        **fields,
    }
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {site.token('ada')}",
        "Accept": "text/event-stream",
    }
    request = Request(f"{site.url}/v1/completions", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=60) as answer:
        for line in answer:
            text = line.decode().removeprefix("data:").strip()
            if line.startswith(b"data:") and text != "[DONE]":
                yield json.loads(text)


def test_an_editor_shows_alternatives_of_each_piece(site: Site) -> None:
    text, shown = "", ""
    for chunk in editor_asks(site):
        (choice,) = chunk["choices"]
        text += choice["text"]
        found = choice["logprobs"]
        if found:
            shown += "".join(found["tokens"])
            assert all(len(top) == 5 for top in found["top_logprobs"])
    assert text
    assert shown == text


def test_an_editor_goes_on_from_what_it_has(site: Site) -> None:
    first = "".join(chunk["choices"][0]["text"] for chunk in editor_asks(site))
    longer = {"prompt": STORY["prompt"] + first, "max_tokens": 4}
    assert "".join(chunk["choices"][0]["text"] for chunk in editor_asks(site, **longer))
