"""The closed forms agree with what a perfect model does when it is played out."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from inference.engine.atlas.ceilings import CEILINGS, even_sizes

SIZES = ([6], [3, 3], [2, 2, 2], [4, 1, 1], [1] * 6)
DRAWS = 20_000


def shuffled(rng: random.Random, sizes: Sequence[int]) -> bool:
    left = set(range(sum(sizes)))
    for size in sizes:
        drawn = [rng.choice(sorted(left)) for _ in range(size)]
        if len(set(drawn)) < size:
            return False
        left -= set(drawn)
    return True


def replaced(rng: random.Random, sizes: Sequence[int]) -> bool:
    open_places, taken = sum(sizes), 0
    for size in sizes:
        chance = 0.0 if taken else 1 / open_places
        taken += sum(rng.random() < chance for _ in range(size))
        open_places -= size
    return taken == 1


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("name", "play"), [("shuffle", shuffled), ("replace", replaced)])
def test_a_ceiling_is_what_the_game_gives(name: str, play: object, sizes: list[int]) -> None:
    rng = random.Random(3)
    share = sum(play(rng, sizes) for _ in range(DRAWS)) / DRAWS  # type: ignore[operator]
    assert CEILINGS[name](sizes) == pytest.approx(share, abs=4 * math.sqrt(0.25 / DRAWS))


def test_the_published_forms_for_one_step() -> None:
    n = 6
    assert CEILINGS["shuffle"]([n]) == pytest.approx(math.factorial(n) / n**n)
    assert CEILINGS["replace"]([n]) == pytest.approx((1 - 1 / n) ** (n - 1))
    assert CEILINGS["copy"]([n]) == 1


@pytest.mark.parametrize("name", CEILINGS)
def test_one_place_at_a_time_has_no_ceiling(name: str) -> None:
    assert CEILINGS[name]([1] * 7) == pytest.approx(1)


def test_even_sizes_are_those_of_the_schedule() -> None:
    assert [even_sizes(7, n) for n in (1, 2, 3, 7)] == [[7], [4, 3], [3, 2, 2], [1] * 7]
