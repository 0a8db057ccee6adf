"""Rules of single papers, and the settling canvas of DiffusionGemma."""

from __future__ import annotations

from ..recipe import DRAW, ENDING, PLAIN, RANKING, RecipeEntry

CHUNKS = ("block_length", *PLAIN, RANKING)

RECIPES: dict[str, RecipeEntry] = {
    "entropy_bound": RecipeEntry(
        "Entropy bound",
        "ENTROPY_BOUND",
        "Writes the most certain places whose joint uncertainty stays below gamma.",
        "Research",
        "arXiv 2505.24857",
        (*CHUNKS, "gamma"),
    ),
    "klass": RecipeEntry(
        "KLASS, stable and confident",
        "KLASS",
        "Writes confident places whose distribution has stopped moving.",
        "Research",
        "shkim0116/KLASS, src/model/llada_klass.py",
        (*CHUNKS, "threshold", "kl_threshold", "kl_steps"),
        {"threshold": 0.6},
    ),
    "remdm": RecipeEntry(
        "ReMDM, with remasking",
        "REMDM",
        "Random order; written tokens are masked again now and then and get another chance.",
        "Research",
        "arXiv 2503.00307; kuleshov-group/remdm, diffusion.py",
        ("steps", *DRAW, "cfg_scale", "logits_eos_inf", "eta", "remask_on", "remask_off"),
    ),
    "wino": RecipeEntry(
        "WINO, draft and verify",
        "WINO",
        "Writes boldly and masks again what its own context does not confirm.",
        "Research",
        "Feng-Hong/WINO-DLLM, LLaDA/decoding.py",
        ("block_length", *DRAW, *ENDING, RANKING, "draft_threshold", "verify_threshold"),
        needs=frozenset({"mask", "same", "own_masks"}),
    ),
    "diffusion_gemma": RecipeEntry(
        "DiffusionGemma, settling canvas",
        "DIFFUSION_GEMMA",
        "Certain places are held, all others get new random tokens, until nothing moves.",
        "Research",
        "google/diffusiongemma-26B-A4B-it; transformers, DiffusionGemmaForBlockDiffusion",
        ("steps", "gamma", "t_max", "t_min", "stop_entropy", "logits_eos_inf"),
        needs=frozenset({"uniform"}),
    ),
}
