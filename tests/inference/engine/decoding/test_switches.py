"""Parameters that a rule would not read, or that would break it, are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from inference import catalog
from inference.engine.decoding.params import Params, checked
from inference.engine.decoding.recipes import recipe_named
from inference.engine.errors import InputError

BY_COUNT = {"dream/maskgit_plus", "dream/topk_margin", "dream/entropy", "dreamon"}
"""Their quotas compare no score with anything: noise in the scores changes the order only."""
OTHERWISE = {"diffusion_gemma", "pc_sampler", "pc_sampler/linear_position", "p2"}
OWN = ("dcd", "freedave", "pairs", "soar")
OTHERWISE |= {name for name in catalog.RECIPES if name.startswith(OWN)}
"""Judged by a score of their own."""
BY_CHANCE = {"llada/random", "rank/random", "rank/left_to_right", "remdm"}
FILTERED = {
    name for name in catalog.RECIPES if name.startswith(("dream", "llada2", "sdar", "fastdllm2"))
}


def _checked(recipe: str, **values: Any) -> Params:
    found = recipe_named(recipe)
    return checked(values, found.defaults, found.uses)


def _takes(recipe: str, name: str, value: Any) -> bool:
    try:
        _checked(recipe, **{name: value})
    except InputError as error:
        return error.field != name
    return True


@pytest.mark.parametrize("recipe", catalog.RECIPES)
def test_scores_are_tempered_only_where_a_count_decides(recipe: str) -> None:
    assert _takes(recipe, "alg_temp", 0.1) is (recipe in BY_COUNT)


@pytest.mark.parametrize("recipe", catalog.RECIPES)
def test_published_code_is_repeated_only_where_there_is_one(recipe: str) -> None:
    assert _takes(recipe, "official", True) is (recipe_named(recipe).published is not None)


@pytest.mark.parametrize("recipe", catalog.RECIPES)
def test_end_of_text_comes_last_only_where_the_ranking_is_read(recipe: str) -> None:
    ignores = BY_CHANCE | FILTERED | OTHERWISE
    assert _takes(recipe, "confidence_eos_eot_inf", True) is (recipe not in ignores)


def test_a_published_variant_reads_what_it_reads() -> None:
    assert _checked("fastdllm/threshold", official=True, steps=4, alg_temp=0.1).steps == 4
