"""Every model of the list: what it is, where it lies, what it needs, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference import packages
from inference.errors import UnmaskError
from inference.known_models import KNOWN, KnownModel
from inference.model_locations import absence, location_of
from inference.models import ModelEntry, WorkerBeat
from inference.registry import living_workers
from inference.remote_backends import backends, lacks
from visualizer.api import model_list
from visualizer.models import Command

State = ModelEntry.State


@dataclass(frozen=True, slots=True)
class HeldModel:
    """A model in a worker's memory: bytes of its weights, seconds that loading took.

    `slug` is empty for one that is somebody else's own.
    """

    worker: str
    slug: str
    device: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """What a worker's models may take, and what they take, in bytes."""

    name: str
    device: str
    budget: int
    held: tuple[HeldModel, ...]

    @property
    def used(self) -> int:
        return sum(one.bytes for one in self.held)

    @property
    def percent(self) -> int:
        return min(100, 100 * self.used // self.budget) if self.budget else 0


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A row of the page. `asked`: somebody waits for it to be loaded. `lacks`: sentences."""

    entry: ModelEntry
    place: str
    held: tuple[HeldModel, ...]
    asked: bool
    lacks: tuple[str, ...]
    known: KnownModel | None

    @property
    def remote(self) -> bool:
        return self.entry.kind == ModelEntry.Kind.REMOTE

    @property
    def loading(self) -> bool:
        return self.entry.state == State.LOADING or (self.asked and not self.held)

    @property
    def untold(self) -> bool:
        """Whether it is loaded and its worker has not said so yet: that takes some seconds."""
        return self.entry.state == State.LOADED and not self.held

    @property
    def percent(self) -> int:
        """How much of it has been read, 0 to 100."""
        return int(100 * self.entry.progress)

    @property
    def state(self) -> str:
        """In words."""
        if self.loading and self.entry.state != State.LOADING:
            return "waits to be loaded"
        return _REMOTE[self.entry.state] if self.remote else self.entry.get_state_display()

    @property
    def light(self) -> str:
        """Which colour its state has."""
        return "busy" if self.loading else _LIGHTS.get(self.entry.state, "")


_REMOTE: dict[str, str] = {State.AVAILABLE: "answers", State.FAILED: "does not answer"}
_LIGHTS: dict[str, str] = {State.LOADED: "good", State.FAILED: "bad"}


def workers(user: Any) -> list[WorkerMemory]:
    """The living workers, with what each told last. Another's own models have no name here."""
    shown = set(ModelEntry.visible_to(user).values_list("slug", flat=True))
    return [_memory(beat, shown) for beat in living_workers()]


def _memory(beat: WorkerBeat, shown: set[str]) -> WorkerMemory:
    told = beat.metrics.get("models", {})
    held = tuple(
        HeldModel(beat.name, slug if slug in shown else "", **one)
        for slug, one in told.get("held", {}).items()
    )
    return WorkerMemory(beat.name, beat.device, int(told.get("budget", 0)), held)


def rows(user: Any, alive: list[WorkerMemory]) -> list[ModelRow]:
    """The models that are on this machine, or answer elsewhere: the site's and the user's own."""
    held = [one for worker in alive for one in worker.held]
    asked = waited_for()
    entries = ModelEntry.visible_to(user).exclude(state=State.ABSENT).order_by("kind", "label")
    return [_row(entry, held, asked) for entry in entries]


def _row(entry: ModelEntry, held: list[HeldModel], asked: set[str]) -> ModelRow:
    remote = entry.kind == ModelEntry.Kind.REMOTE
    declared = {backend.name for backend in backends()}
    told = lacks(entry) if remote and entry.slug.partition(":")[0] in declared else []
    return ModelRow(
        entry=entry,
        place=location_of(entry),
        held=tuple(one for one in held if one.slug == entry.slug),
        asked=entry.slug in asked,
        lacks=tuple(told),
        known=KNOWN.get(entry.slug),
    )


def waited_for() -> set[str]:
    """Models for whose loading somebody waits."""
    pending = Command.objects.filter(type="load_model", state=Command.State.PENDING)
    return {str(message.get("model_path")) for message in pending.values_list("message", flat=True)}


@dataclass(frozen=True, slots=True)
class AbsentModel:
    """A model that is known and not here. `about`: what the table of known models says of it."""

    slug: str
    label: str
    what_to_do: str
    about: KnownModel | None


def absent() -> list[AbsentModel]:
    """What is known by name and not on this machine, with what brings it."""
    names = [*packages.PACKAGED, *KNOWN]
    gone = ModelEntry.objects.filter(state=State.ABSENT, slug__in=names)
    found = [AbsentModel(e.slug, e.label, absence(e), KNOWN.get(e.slug)) for e in gone]
    return sorted(found, key=lambda one: names.index(one.slug))


def current_of(user: Any) -> str:
    """The name of the account's own model; "" without one."""
    try:
        return model_list.current(user).slug
    except UnmaskError:
        return ""
