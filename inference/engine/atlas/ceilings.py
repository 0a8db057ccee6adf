"""What a perfect model reaches on a waiting line when it writes several places at once.

Places of one step are drawn independently of each other, each from its own exact distribution
given what stands there already: what parallel decoding at temperature 1 does with a model that has
learned the task. ParallelBench (Kang et al. 2025, arXiv 2510.04767) has the closed forms for one
step; here they are chained over steps of given sizes, in an order that knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Sizes = Sequence[int]


def copy(sizes: Sizes) -> float:
    """One: the answer is not open, so nothing can contradict."""
    return 1.0


def shuffle(sizes: Sizes) -> float:
    """No person may be drawn twice: the product over steps of m! / (m - g)! / m^g.

    m people are left when a step writes g places. One step: n! / n^n.
    """
    left, share = sum(sizes), 1.0
    for size in sizes:
        for taken in range(size):
            share *= (left - taken) / left
        left -= size
    return share


def replace(sizes: Sizes) -> float:
    """Exactly one place may take the new person, each of m open ones with probability 1 / m.

    One step: (1 - 1/n)^(n - 1).
    """
    left, none_yet, right = sum(sizes), 1.0, 0.0
    for size in sizes:
        stays = 1 - 1 / left
        right += none_yet * size / left * stays ** (size - 1)
        none_yet *= stays**size
        left -= size
    return right


CEILINGS: dict[str, Callable[[Sizes], float]] = {
    "copy": copy,
    "replace": replace,
    "shuffle": shuffle,
}
"""Operation → its ceiling for steps of given sizes, which add up to the line's length."""


def even_sizes(places: int, steps: int) -> list[int]:
    """Step sizes as the schedule of the rules has them: open places over steps left, rounded up
    for the first ones."""
    each, more = divmod(places, steps)
    return [each + (step < more) for step in range(steps)]
