"""Decisions: a text with places to fill, and for each the choices that there are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.commands.fields import UUID, Message, text

GAP = "<gap>"
MOST_PLACES, MOST_CHOICES, MOST_EXAMPLES, LEAST_EXAMPLES = 8, 64, 500, 10
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Choices(_Strict):
    """One of several texts."""

    kind: Literal["choices"]
    choices: Annotated[list[Text], Field(min_length=2, max_length=MOST_CHOICES)]

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("choices must not name anything twice")
        return self

    def texts(self) -> list[str]:
        return list(self.choices)


class YesNo(_Strict):
    """A question that is answered by one of two words."""

    kind: Literal["yes_no"]
    yes: Text = "yes"
    no: Text = "no"

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.yes == self.no:
            raise ValueError("yes and no must differ")
        return self

    def texts(self) -> list[str]:
        return [self.yes, self.no]


class Scale(_Strict):
    """Whole numbers from `low` to `high`."""

    kind: Literal["scale"]
    low: Annotated[int, Field(ge=-1000, le=1000)]
    high: Annotated[int, Field(ge=-1000, le=1000)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high < self.low + MOST_CHOICES:
            raise ValueError(f"a scale has 2 to {MOST_CHOICES} numbers, low before high")
        return self

    def texts(self) -> list[str]:
        return [str(number) for number in range(self.low, self.high + 1)]


Place = Annotated[Choices | YesNo | Scale, Field(discriminator="kind")]
PLACES = (
    "for each gap: `{kind: choices, choices}`, `{kind: yes_no, yes, no}` or "
    "`{kind: scale, low, high}`"
)
TEXT = f"text with `{GAP}` at each place"


def gaps_fit(text: str, places: int) -> None:
    """Raises ValueError unless the text has one gap for each place."""
    if text.count(GAP) != places:
        raise ValueError(f"text has {text.count(GAP)} gaps ({GAP}) for {places} places")


class Places(Message):
    """What decisions and calibrations share."""

    model: str | None = Field(
        default=None, min_length=1, max_length=200, description="model; the site's by default"
    )
    places: list[Place] = Field(min_length=1, max_length=MOST_PLACES, description=PLACES)


class Decide(Places):
    """Judge given choices at the gaps of a text: one distribution for each gap."""

    text: str = text("prompt", meaning=TEXT, low=1)
    temperature: float | None = Field(
        default=None,
        ge=0.05,
        le=20,
        allow_inf_nan=False,
        description="divides the log-probabilities of the choices; 1 by default",
    )
    calibration: str | None = Field(
        default=None, pattern=UUID, description="instead: a calibration of yours"
    )

    @field_validator("text")
    @classmethod
    def _gaps(cls, value: str, info: ValidationInfo) -> str:
        if "places" in info.data:  # else they are at fault themselves
            gaps_fit(value, len(info.data["places"]))
        return value

    @field_validator("calibration")
    @classmethod
    def _one_temperature(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("temperature") is not None:
            raise ValueError("calibration and temperature exclude each other")
        return value


class Example(_Strict):
    """A text whose gaps have known answers."""

    text: str = text("prompt", meaning=TEXT, low=1)
    labels: list[Text] = Field(
        min_length=1, max_length=MOST_PLACES, description="the right choice of each gap"
    )


class Calibrate(Places):
    """Fit the temperature of decisions on examples whose answers are known."""

    name: str = Field(default="", max_length=100, description="what it is called")
    examples: list[Example] = Field(
        min_length=LEAST_EXAMPLES, max_length=MOST_EXAMPLES, description="texts with their labels"
    )

    @field_validator("examples")
    @classmethod
    def _fit(cls, value: list[Example], info: ValidationInfo) -> list[Example]:
        known = [set(place.texts()) for place in info.data.get("places", ())]
        for number, example in enumerate(value if known else (), 1):
            try:
                gaps_fit(example.text, len(known))
            except ValueError as error:
                raise ValueError(f"example {number}: {error}") from None
            _check_labels(example, known, number)
        return value


def _check_labels(example: Example, known: list[set[str]], number: int) -> None:
    """Raises ValueError unless each label is among the choices of its place."""
    if len(example.labels) != len(known):
        raise ValueError(f"example {number}: labels must name one choice for each place")
    if not all(label in one for label, one in zip(example.labels, known, strict=True)):
        raise ValueError(f"example {number}: a label is not among the choices of its place")


class OneCalibration(Message):
    """A calibration with its temperature, error and reliability."""

    calibration: str = Field(pattern=UUID, description="its id")


class CancelCalibration(Message):
    """End a calibration after the example that is being read."""

    calibration: str = Field(pattern=UUID, description="its id")


class DeleteCalibration(Message):
    """Forget a calibration that has ended, with its examples."""

    calibration: str = Field(pattern=UUID, description="its id")


class ListCalibrations(Message):
    """Your calibrations, newest first."""

    limit: int = Field(default=50, ge=1, le=200, description="how many")
