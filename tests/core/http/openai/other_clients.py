"""`llm` and LiteLLM against a served site, for whoever has them.

They bring many packages along, so they are no requirement and this file is collected only by its
name: `CLIENTS_PYTHON=…/bin/python pytest tests/core/http/openai/other_clients.py`, with the
interpreter of an environment in which both are installed. What is tried here is what
docs/service.md tells.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inference import packages
from tests.servers import Site

PYTHON = os.environ.get("CLIENTS_PYTHON", "")
CHAT = "smollm2-135m-instruct"
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(
        packages.path_of(CHAT) is None, reason="the small real model is not installed"
    ),
]
MODELS = """\
- model_id: unmask-chat
  model_name: smollm2-135m-instruct
  api_base: "{url}/v1"
  api_key_name: unmask
- model_id: unmask-text
  model_name: stories
  api_base: "{url}/v1"
  api_key_name: unmask
  completion: true
"""
LITELLM = """\
import json, sys
import litellm, openai
url, key = sys.argv[1:]
at = {"api_base": url + "/v1", "api_key": key, "max_tokens": 16, "num_retries": 0}
messages = [{"role": "user", "content": "Tell a story."}]
asked = {"model": "openai/smollm2-135m-instruct", "messages": messages}
whole = litellm.completion(**asked, **at)
parts = [part.choices[0].delta.content or "" for part in
         litellm.completion(**asked, **at, stream=True)]
text = litellm.text_completion(
    model="text-completion-openai/stories", prompt="Once upon a time", **at)
try:
    litellm.completion(**{**asked, "model": "openai/nobody"}, **at)
    refused = ""
except openai.OpenAIError as error:
    refused = type(error).__name__
print(json.dumps({"whole": whole.choices[0].message.content, "joined": "".join(parts),
    "parts": sum(map(bool, parts)), "tokens": whole.usage.completion_tokens,
    "text": text.choices[0].text, "refused": refused}))
"""


@pytest.fixture
def llm(site: Site, tmp_path: Path) -> Any:
    """Runs `llm` with the two models of the site that its file declares."""
    (tmp_path / "extra-openai-models.yaml").write_text(MODELS.format(url=site.url))
    env = {**os.environ, "LLM_USER_PATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [PYTHON, "-m", "llm", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("keys", "set", "unmask", "--value", site.token("ada"))
    return run


def test_llm_asks_and_streams(llm: Any) -> None:
    for model in ("unmask-chat", "unmask-text"):
        asked = (*("-m", model, "Once upon a time"), *("-o", "max_tokens", "16"), "-n")
        streamed, whole = llm(*asked).strip(), llm(*asked, "--no-stream").strip()
        assert whole
        assert streamed == whole


def test_litellm_asks_streams_and_is_refused(site: Site) -> None:
    command = [PYTHON, "-c", LITELLM, site.url, site.token("ada")]
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks the network
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["joined"] == told["whole"] != ""
    assert told["parts"] > 1
    assert told["tokens"] == 16
    assert told["text"]
    assert told["refused"] == "NotFoundError"
