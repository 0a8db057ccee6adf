"""Starting a session: tokenize, check the lengths against the model's context, write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.worker.executor import Write
from inference import registry, runtime
from inference.engine import processing
from inference.engine.canvas import Canvas
from inference.engine.chat import Message, chat_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.tokenization import checked_prompt
from inference.errors import UnmaskError
from inference.limits import LIMITS
from inference.models import ModelEntry
from inference.runtime.error_mapping import engine_errors
from inference.runtime.provenance import provenance_of
from visualizer.commands.requests import Request
from visualizer.models import Command, Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors import StateRef, head_of, labels_for, state_update
from visualizer.selectors.candidates import Shown, as_lists
from visualizer.selectors.sizes import most_candidates
from visualizer.services.forwards import keep_forward
from visualizer.services.sessions import create_session
from visualizer.worker import distributions
from visualizer.worker.fitting import check_grid, check_symbols
from visualizer.worker.handlers.forward import forward_reply
from visualizer.worker.lengths import gen_length_within, masks_of_prompt


@dataclass(frozen=True)
class Prepared:
    """A checked beginning: the model, the prompt's ids and the lengths that are in force."""

    entry: ModelEntry
    model: LoadedModel
    mask_id: int
    prompt_ids: list[int]
    gen_length: int
    block_length: int

    @property
    def canvas(self) -> Canvas:
        return Canvas.start(self.prompt_ids, self.gen_length, self.mask_id)


def initialize(request: Request) -> Write:
    """state_update of step 0 of a new session."""
    message = request.message
    ready = prepare(
        message.model,
        message.prompt,
        message.gen_length,
        message.block_length,
        message.special_tokens,
        load=request.brief,
        user=request.user,
        chat=message.chat,
    )

    def write() -> dict[str, Any]:
        session = _create(request, ready, seed=message.seed, title=message.title)
        return state_update(session, request.brief, session_id=str(session.pk))

    return write


def tokenize_and_forward(request: Request) -> Write:
    """forward_pass_result over step 0 of a new session."""
    message = request.message
    ready = prepare(
        message.model, message.prompt, message.gen_length, user=request.user, load=request.brief
    )
    passed = distributions.forward_of(ready.model, ready.canvas)
    top_k = message.top_k
    settings = ProbabilitySettings(
        visual_top_k=min(top_k, int(LIMITS["visual_top_k"].high)), actual_top_k=top_k
    )

    def write() -> dict[str, Any]:
        session = _create(request, ready)
        ref = head_of(session)
        _keep(session, ref, passed, settings)
        reply = forward_reply(request, session, ref, ready.canvas, passed, settings)
        return reply if request.brief else _widened(reply, session, ready, passed, top_k)

    return write


def _widened(
    reply: dict[str, Any],
    session: Session,
    ready: Prepared,
    passed: distributions.Passed,
    top_k: int,
) -> dict[str, Any]:
    """The reply with top_k candidates of every position, from the logits: no digest holds so many.

    As many as fit into one message, if top_k would not.
    """
    if top_k <= LIMITS["visual_top_k"].high:
        return reply
    k = most_candidates(len(ready.canvas), min(top_k, passed.logits.shape[-1] - 1))
    never = [ready.mask_id, *ready.model.spec.barred]
    best = processing.candidates(passed.logits, processing.Settings(actual_top_k=top_k), k, never)
    columns = (best.ids, best.logits, best.probs, best.in_actual)
    lists = as_lists(Shown(*(column.cpu().numpy() for column in columns)), labels_for(session))
    found = dict(zip(passed.view.positions.tolist(), lists, strict=True))
    for position in reply["result"]["positions"]:
        position["candidates"] = found.get(position["position"], [])
    return reply


def prepare(
    slug: str | None,
    prompt: str,
    gen_length: int | None,
    block_length: int | None = None,
    special: bool = False,
    load: bool = False,
    user: Any = None,
    chat: bool = False,
) -> Prepared:
    """`load`: a model that is not in memory yet is loaded now; pages ask for that.

    `chat`: the prompt is what a user says, and an answer follows it.

    Raises UnmaskError naming model, prompt, gen_length or block_length.
    """
    entry = loaded_entry(slug, user, load)
    model = runtime.load(entry)
    ids = _prompt_ids(model, prompt, special, chat)
    own = ids.count(model.spec.open_id) if special and not chat else 0
    length, block = _lengths(model, len(ids), own, gen_length, block_length)
    check_grid(entry, len(ids) + length)
    return Prepared(entry, model, model.spec.open_id, ids, length, block)


def _prompt_ids(model: LoadedModel, prompt: str, special: bool, chat: bool) -> list[int]:
    """The prompt's token ids. Raises UnmaskError for a model that cannot begin with it."""
    uniform = model.spec.noise == "uniform"
    if model.tokenizer is None or not (uniform or model.spec.mask_id is not None):
        raise UnmaskError(
            "validation",
            "This model has no tokenizer or no mask. Choose a diffusion model.",
            "model",
        )
    with engine_errors():
        ids = (
            _question_ids(model, prompt)
            if chat
            else checked_prompt(model.tokenizer, prompt, special, model.spec.vocab_size)
        )
    if not ids and uniform:
        raise UnmaskError(
            "validation", "This model writes behind a text. Give it a prompt.", "prompt"
        )
    check_symbols(model, ids)
    return ids


def _lengths(
    model: LoadedModel, given: int, own: int, gen_length: int | None, block_length: int | None
) -> tuple[int, int]:
    """How many places are generated, and how many of them are a block.

    `given`: tokens of the prompt; `own`: masks among them. Raises UnmaskError with the field.
    """
    if gen_length is None and own:
        return masks_of_prompt(given, own, model.context, block_length)
    length = gen_length_within(gen_length, given, model.context)
    block = block_length or length
    if block > length:
        raise UnmaskError("validation", f"block_length must be at most {length}.", "block_length")
    return length, block


def _question_ids(model: LoadedModel, prompt: str) -> list[int]:
    """The prompt as a user's turn, and where the answer begins. Raises InputError (chat)."""
    try:
        return chat_ids(model, [Message("user", prompt)])
    except InputError as error:
        raise InputError(error.message, "chat") from None


def loaded_entry(slug: str | None, user: Any, load: bool = False) -> ModelEntry:
    """The named model, or the default one. Raises UnmaskError unless a worker has it loaded.

    What this worker holds is loaded, whatever its row says at the moment. `load`: any model of the
    list will do, because what follows loads it.
    """
    entry = registry.resolve(slug, user) if slug else registry.default_model()
    if not load and entry.state != ModelEntry.State.LOADED and runtime.get(entry.slug) is None:
        raise UnmaskError("model_unavailable", "Model not loaded. Please load a model first.")
    return entry


def _create(request: Request, ready: Prepared, seed: int = 0, title: str | None = None) -> Session:
    session = create_session(
        owner=request.user,
        model=ModelEntry.every.select_related("vocabulary").get(pk=ready.entry.pk),
        mask_id=ready.mask_id,
        prompt=request.message.prompt,
        prompt_ids=ready.prompt_ids,
        gen_length=ready.gen_length,
        block_length=ready.block_length,
        seed=seed,
        special_tokens=getattr(request.message, "special_tokens", False),
        chat=getattr(request.message, "chat", False),
        title=title,
        provenance=provenance_of(ready.model),
    )
    Command.objects.filter(pk=request.command.pk).update(session=session)
    return session


def _keep(
    session: Session, ref: StateRef, passed: distributions.Passed, settings: ProbabilitySettings
) -> None:
    keep_forward(
        session=session,
        ref=ref,
        data=passed.data,
        summary=passed.summary,
        settings=settings.model_dump(),
    )
