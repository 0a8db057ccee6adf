"""Rules of single papers, and the settling canvas of DiffusionGemma."""

from __future__ import annotations

from inference.catalog.parameters import Value
from inference.catalog.recipe import DRAW, ENDING, PLAIN, RANKING, RecipeEntry

CHUNKS = ("block_length", *PLAIN, RANKING)


def _dinfer(label: str, constant: str, sentence: str, source: str, *reads: str) -> RecipeEntry:
    uses = (*CHUNKS, *reads, "stop_after_block")
    defaults: dict[str, Value] = {"block_length": 32, "stop_after_block": True}
    constant = f"rules.dinfer.{constant}"
    return RecipeEntry(label, constant, sentence, "Research", source, uses, defaults)


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
        "rules.klass.KLASS",
        "Writes confident places whose distribution has stopped moving.",
        "Research",
        "shkim0116/KLASS, src/model/llada_klass.py",
        ("steps", *CHUNKS, "threshold", "kl_threshold", "kl_steps", "klass_unmask"),
        {"threshold": 0.6},
    ),
    "klass/dream": RecipeEntry(
        "KLASS, as for Dream",
        "rules.klass.KLASS_DREAM",
        "Stable places anywhere, from the first steps on; if there is none, the best one.",
        "Research",
        "shkim0116/KLASS, src/model/dream_klass.py",
        (*PLAIN, RANKING, "threshold", "kl_threshold", "kl_steps", "klass_unmask"),
        {"threshold": 0.6},
    ),
    "remdm": RecipeEntry(
        "ReMDM, with remasking",
        "rules.remdm.REMDM",
        "Random order; written tokens are masked again now and then and get another chance.",
        "Research",
        "arXiv 2503.00307; kuleshov-group/remdm, diffusion.py",
        (
            *("steps", *DRAW, "cfg_scale", "logits_eos_inf"),
            *("remdm_form", "eta", "remask_on", "remask_off", "loop_alpha"),
        ),
    ),
    "wino": RecipeEntry(
        "WINO, draft and verify",
        "rules.wino.WINO",
        "Writes boldly and masks again what its own context does not confirm.",
        "Research",
        "Feng-Hong/WINO-DLLM, LLaDA/decoding.py",
        ("block_length", *DRAW, *ENDING, RANKING, "draft_threshold", "verify_threshold"),
        needs=frozenset({"mask", "same", "own_masks"}),
    ),
    "dinfer/threshold": _dinfer(
        "dInfer, threshold",
        "THRESHOLD",
        "Writes every token that reaches the threshold or comes close to the best one.",
        "inclusionAI/dInfer, parallel_strategy.py",
        "threshold",
    ),
    "dinfer/credit": _dinfer(
        "CreditDecoding",
        "CREDIT",
        "Tokens that were likely in earlier steps get credit and pass the threshold sooner.",
        "arXiv 2510.06133; inclusionAI/dInfer, CreditThresholdParallelDecoder",
        *("threshold", "credit_alpha", "credit_gamma", "credit_decay"),
    ),
    "dinfer/hierarchy": _dinfer(
        "Hierarchy, best of each run of masks",
        "HIERARCHY",
        "Writes the best token of each run of masks, all above the threshold, and the best of all.",
        "inclusionAI/dInfer, HierarchyDecoder",
        *("threshold", "low_threshold"),
    ),
    "dinfer/hierarchy_fast": _dinfer(
        "Hierarchy, fast form",
        "HIERARCHY_FAST",
        "As Hierarchy; but while nothing reaches the low threshold, the best token alone.",
        "inclusionAI/dInfer, generate_hierarchy.py, hierarchy_fast_v2",
        *("threshold", "low_threshold"),
    ),
    "prophet": RecipeEntry(
        "Prophet, early exit",
        "rules.prophet.PROPHET",
        "LLaDA's schedule until the answer is clear; then everything is written at once.",
        "Research",
        "arXiv 2508.19982; pixeli99/Prophet, generate_earlyexit.py",
        ("steps", *CHUNKS, "answer_start", "gap_early", "gap_mid", "gap_late"),
    ),
    "pc_sampler": RecipeEntry(
        "PC-Sampler, position and rarity",
        "rules.pc_sampler.PC_SAMPLER",
        "Confidence counts less for later places and for tokens that are common anyway.",
        "Research",
        "arXiv 2508.13021; NEUIR/PC-Sampler, src/generate.py",
        ("steps", "block_length", *PLAIN, "pc_lambda", "pc_alpha"),
    ),
    "pc_sampler/linear_position": RecipeEntry(
        "PC-Sampler, linear position",
        "rules.pc_sampler.PC_LINEAR",
        "A weighted sum of scaled confidence and of the place's distance to the block's end.",
        "Research",
        "NEUIR/PC-Sampler, src/generate.py, generate_with_pc_sampler_linear_position",
        ("steps", "block_length", *PLAIN, "pc_lambda", "pc_alpha"),
    ),
    "confidence_loop": RecipeEntry(
        "Confidence loop, reopen and write",
        "rules.confidence_loop.CONFIDENCE_LOOP",
        "Most confident first; then the least likely tokens are opened and written anew in a loop.",
        "Research",
        "NEUIR/PC-Sampler, src/generate.py, generate_with_remdm",
        (*PLAIN, RANKING, "loop_start", "loop_steps", "loop_tokens"),
    ),
    "p2": RecipeEntry(
        "P2, path planning",
        "rules.p2.P2",
        "Every place is judged anew each step; the least likely are masked, written ones too.",
        "Research",
        "arXiv 2502.03540; pengzhangzhi/Path-Planning, src/path_planning/p2.py",
        ("steps", *DRAW, "cfg_scale", "logits_eos_inf", "p2_eta", "p2_kappa"),
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
