"""The JSON record of a token tree: its text, the model, every token, and a chain of hashes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.commands.field_errors import field_of
from core.commands.fields import TokenId
from core.records.chain import Chain
from core.records.versions import Whole
from inference.errors import UnmaskError
from inference.limits import LIMITS
from playground.commands.token_schemas import Drawing
from playground.services.token_trees import MOST_TOKENS

FORMAT, VERSION = "unmask.token_tree", 1
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Nats = Annotated[float, Field(allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=200)]
_CONFIG = ConfigDict(strict=True, extra="forbid", frozen=True)


class TokenPart(BaseModel):
    """One token. Numbers go from 1 without a gap; `parent` 0 is the text."""

    model_config = _CONFIG

    number: int = Field(ge=1, le=MOST_TOKENS)
    parent: int = Field(ge=0, le=MOST_TOKENS)
    token: TokenId
    label: Label
    logprob: Annotated[float, Field(le=0, allow_inf_nan=False)]
    entropy: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    rank: int = Field(ge=1, le=2_000_001)
    top: list[tuple[TokenId, Label, Nats]] = Field(max_length=20)
    hash: Hash


class TreePart(BaseModel):
    """What the tree grows from, and what is looked at."""

    model_config = _CONFIG

    text: str = Field(min_length=1, max_length=int(LIMITS["prompt"].high))
    prompt_ids: list[TokenId] = Field(min_length=1, max_length=2 * int(LIMITS["prompt"].high))
    seed: int = Field(ge=0, le=2**63 - 1)
    settings: Drawing
    head: int = Field(ge=0, le=MOST_TOKENS)
    created: str = Field(max_length=40)


class ModelPart(BaseModel):
    """The model, and with which hashes and versions."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    slug: str = Field(min_length=1, max_length=200)
    label: str = Field(max_length=200)


class TreeRecord(BaseModel):
    """A whole tree."""

    model_config = _CONFIG

    format: Literal["unmask.token_tree"]
    version: Annotated[Literal[1], Whole]
    tree: TreePart
    model: ModelPart
    tokens: list[TokenPart] = Field(min_length=1, max_length=MOST_TOKENS)
    chain: Hash


def checked(raw: dict[str, Any]) -> TreeRecord:
    """The record, if it is whole and what was written. Raises UnmaskError naming the first fault.

    pydantic's strict mode takes no lists for tuples, so alternatives are checked as JSON.
    """
    try:
        record = TreeRecord.model_validate(_with_tuples(raw))
    except ValidationError as error:
        place = field_of(error.errors(include_url=False, include_input=False), raw)
        raise _fault(f"{place} is not as a record has it", place) from None
    _check_tree(record)
    _verify(raw)
    return record


def _with_tuples(raw: dict[str, Any]) -> dict[str, Any]:
    tokens = raw.get("tokens")
    if not isinstance(tokens, list):
        return raw
    return raw | {"tokens": [_with_tuple(one) for one in tokens]}


def _with_tuple(token: Any) -> Any:
    if not isinstance(token, dict) or not isinstance(token.get("top"), list):
        return token
    top = [tuple(row) if isinstance(row, list) else row for row in token["top"]]
    return token | {"top": top}


def _check_tree(record: TreeRecord) -> None:
    seen: set[tuple[int, int]] = set()
    for place, one in enumerate(record.tokens, 1):
        where = f"tokens.{place - 1}"
        if one.number != place or one.parent >= place:
            raise _fault(f"{where} has another number, or stands before its parent", where)
        if (one.parent, one.token) in seen:
            raise _fault(f"{where} is there twice", where)
        seen.add((one.parent, one.token))
    if record.tree.head > len(record.tokens):
        raise _fault("head is none of the tokens", "tree.head")


def _verify(raw: dict[str, Any]) -> None:
    """Every hash is that of all before it."""
    chain = Chain({key: raw[key] for key in raw if key not in ("tokens", "chain")})
    for place, one in enumerate(raw["tokens"]):
        if one["hash"] != chain.add(one):
            raise _fault(f"it is damaged at or before tokens.{place}", f"tokens.{place}")
    if raw["chain"] != chain.hash:
        raise _fault("it is damaged at its end", "chain")


def _fault(words: str, field: str) -> UnmaskError:
    return UnmaskError("validation", f"This is not the record of a history: {words}.", field)
