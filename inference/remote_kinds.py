"""Kinds of servers elsewhere that may answer for the site, and how one is declared in settings."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SEPARATOR = ":"
"""Between a server's name and the model's id there, in the name that people choose here."""
_USUAL = ("max_new_tokens", "temperature", "top_p", "seed", "stop")
_OURS = ("top_k", "recipe", "parameters", "steps", "tokens_per_step", "block_length")


@dataclass(frozen=True, slots=True)
class BackendKind:
    """`settings`: names of seam.Settings that it reads. `source` documents what it speaks.

    `drafts`: a diffusion model's canvas is told of, step by step. `logprobs`: those of each token
    are told. `infill`: gaps are filled (diffusion models only).
    """

    label: str
    source: str
    settings: tuple[str, ...] = _USUAL
    drafts: bool = False
    logprobs: bool = False
    infill: bool = False


KINDS: dict[str, BackendKind] = {
    "openai": BackendKind(
        "OpenAI-compatible server", "https://platform.openai.com/docs/api-reference"
    ),
    "vllm": BackendKind(
        "vLLM",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        (*_USUAL, "top_k"),
        logprobs=True,
    ),
    "sglang": BackendKind(
        "SGLang",
        "https://docs.sglang.ai/basic_usage/openai_api.html",
        (*_USUAL, "top_k"),
        logprobs=True,
    ),
    "llamacpp": BackendKind(
        "llama.cpp",
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        (*_USUAL, "top_k"),
    ),
    "unmask": BackendKind("Unmask", "docs/service.md", (*_USUAL, *_OURS), drafts=True, infill=True),
}


class RemoteBackend(BaseModel):
    """A server. `models`: the ids that are offered; empty: all that it lists."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    kind: str
    url: str = Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    key: SecretStr = SecretStr("")
    models: tuple[str, ...] = ()
    timeout: float = Field(60.0, gt=0, le=3600, description="seconds without a sign of life")

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"a kind of server is one of {', '.join(KINDS)}")
        return kind

    @property
    def about(self) -> BackendKind:
        return KINDS[self.kind]

    @property
    def root(self) -> str:
        """The address before /v1: some people write that along."""
        return self.url.rstrip("/").removesuffix("/v1")

    def slug(self, model: str) -> str:
        """The name here of a model there."""
        return f"{self.name}{SEPARATOR}{model}"
