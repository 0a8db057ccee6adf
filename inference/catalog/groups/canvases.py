"""Rules of single papers that change the canvas, slide over it, or look at several at a time."""

from __future__ import annotations

from inference.catalog.recipe import DRAW, ENDING, PLAIN, RANKING, RecipeEntry, Trait

CHUNKS = ("block_length", *PLAIN, RANKING)


FREEDAVE = ("temperature", "draft_steps", "draft_by", "threshold")
PAIRS = ("block_length", "temperature", "stop_at_end", "draft_width")
TREES = "a draft tree one token deep, after Medusa, arXiv 2401.10774, and Spiffy, arXiv 2509.18085"
DCD_SOURCE = "arXiv 2601.02076; shuyingte/DCD, decode_algorithm.py"


def _dcd(label: str, constant: str, sentence: str, *reads: str) -> RecipeEntry:
    guidance = () if reads else ("cfg_scale",)
    uses = (*DRAW, *guidance, "logits_eos_inf", "threshold", "window_masks", "window_length")
    needs: frozenset[Trait] = frozenset({"mask", "own_masks"} if reads else {"mask"})
    return RecipeEntry(
        label,
        f"rules.dcd.{constant}",
        sentence,
        "Research",
        DCD_SOURCE,
        (*uses, *reads),
        needs=needs,
    )


RECIPES: dict[str, RecipeEntry] = {
    "daedal": RecipeEntry(
        "DAEDAL, growing canvas",
        "rules.daedal.DAEDAL",
        "The canvas grows until end-of-text is in sight, and where a place is hopeless.",
        "Research",
        "arXiv 2508.00819; Li-Jinsong/DAEDAL, models/LLaDA_DAEDAL.py",
        (
            *("max_new_tokens", "block_length", *PLAIN, RANKING, "threshold", "low_threshold"),
            *("eos_grow", "eos_expand", "eos_check", "expansion_factor"),
        ),
        {"max_new_tokens": 2048, "block_length": 32, "low_threshold": 0.1},
    ),
    "dcd": _dcd("DCD, sliding window", "DCD", "A window of masks slides with the leftmost one."),
    "dcd/prefix": _dcd(
        "DCD, prefix cache (approximate)",
        "DCD_PREFIX",
        "The same; what stands before the window is evaluated anew now and then only.",
        *("refresh_count", "cache_delay"),
    ),
    "dcd/dual": _dcd(
        "DCD, dual cache (approximate)",
        "DCD_DUAL",
        "The same; what stands outside the window is evaluated anew now and then only.",
        *("refresh_count", "cache_delay"),
    ),
    "dcd/static": RecipeEntry(
        "DCD, static blocks",
        "rules.dcd.DCD_STATIC",
        "Blocks instead of the window; behind an end of the text everything becomes end-of-text.",
        "Research",
        DCD_SOURCE,
        ("block_length", *DRAW, "cfg_scale", "logits_eos_inf", "threshold"),
        {"block_length": 32},
    ),
    "slowfast": RecipeEntry(
        "SlowFast, explore and fill",
        "rules.slowfast.SLOWFAST",
        "Cautious steps find how far confident text reaches; that stretch is then filled.",
        "Research",
        "arXiv 2506.10848; LiangrunFlora/Slow-Fast-Sampling, generate_slow_fast_sampling.py",
        (
            *("block_length", *DRAW, *ENDING, RANKING, "threshold"),
            *("explore_steps", "reach_threshold", "stable_window", "stable_deviation"),
        ),
        {"block_length": 32},
    ),
    "info_gain": RecipeEntry(
        "Info-Gain, look ahead",
        "rules.info_gain.INFO_GAIN",
        "Writes the candidate whose token lowers the uncertainty of all others most.",
        "Research",
        "arXiv 2602.18176; yks23/Information-Gain-Sampler, src/samplers/info_gain.py",
        (
            *("block_length", *PLAIN, RANKING, "threshold"),
            *("candidates", "position_temperature", "info_form"),
        ),
        {"threshold": 0.8},
    ),
    "soar": RecipeEntry(
        "SOAR, beam over positions",
        "rules.soar.SOAR",
        "Confident places together; where there are none, several orders go on side by side.",
        "Research",
        "arXiv 2602.10953; duterscmy/SOAR, eval_llada8b/generate.py",
        ("block_length", "temperature", "threshold", "beam_size"),
        {"threshold": 0.95},
    ),
    "core": RecipeEntry(
        "CORE, revise what lost its support",
        "rules.core.CORE",
        "LLaDA's schedule; now and then the weakest written tokens are masked and read again.",
        "Research",
        "arXiv 2602.04096; UCF-CRCV/core, generate.py",
        (
            *("steps", "block_length", *PLAIN, RANKING),
            *("core_every", "core_candidates", "core_revisions", "core_form"),
        ),
    ),
    "freedave": RecipeEntry(
        "FreeDave, drafts verified",
        "rules.freedave.FREEDAVE",
        "Guesses later steps and checks them in one batch; ends exactly as single steps do.",
        "Research",
        "arXiv 2510.00294; cychomatica/FreeDave, generation/core.py",
        ("tokens_per_step", "block_length", *FREEDAVE),
    ),
    "freedave/blocks": RecipeEntry(
        "FreeDave, block models",
        "rules.freedave.FREEDAVE_BLOCKS",
        "The same inside the blocks of a block model.",
        "Research",
        "arXiv 2510.00294; cychomatica/FreeDave, generation/core.py",
        (
            "tokens_per_step",
            "block_length",
            *FREEDAVE,
            "draft_ahead",
            "fill_last_block",
            "stop_after_block",
        ),
        {"block_length": 4, "stop_after_block": True},
        trained=frozenset({"blocks", "llada2", "qwen3", "qwen2"}),
    ),
    "pairs": RecipeEntry(
        "Pairs, the second knowing the first",
        "rules.pairs.PAIRS",
        "Writes two tokens a step; the second is chosen knowing the first, in the same forward.",
        "Research",
        TREES,
        PAIRS,
    ),
    "pairs/blocks": RecipeEntry(
        "Pairs, block models",
        "rules.pairs.PAIRS_BLOCKS",
        "The same inside the blocks of a block model.",
        "Research",
        TREES,
        (*PAIRS, "fill_last_block", "stop_after_block"),
        {"block_length": 4, "stop_after_block": True},
        trained=frozenset({"blocks", "llada2", "qwen3", "qwen2"}),
    ),
    "local_leap": RecipeEntry(
        "LocalLeap, near confident places",
        "rules.local_leap.LOCAL_LEAP",
        "Near a confident place a lower threshold suffices.",
        "Research",
        "arXiv 2510.07081",
        (*CHUNKS, "threshold", "leap_radius", "relaxed_threshold"),
        {"block_length": 32},
    ),
    "saber": RecipeEntry(
        "Saber, adaptive with backtracking",
        "rules.saber.SABER",
        "The threshold follows the confidence reached so far; what lost most of it opens again.",
        "Research",
        "arXiv 2510.18165; zhaoyMa/Saber, decoding.py",
        (*CHUNKS, "saber_least", "saber_per"),
    ),
    "a_cfg": RecipeEntry(
        "A-CFG, adaptive guidance",
        "rules.a_cfg.A_CFG",
        "LLaDA's schedule, guided away from the canvas without its least confident tokens.",
        "Research",
        "arXiv 2505.20199",
        ("steps", *CHUNKS, "a_cfg_share"),
        {"cfg_scale": 1.0},
    ),
    "rho_eos": RecipeEntry(
        "rho-EOS, canvas by the density of ends",
        "rules.rho_eos.RHO_EOS",
        "The canvas grows while few places want to be end-of-text, and shrinks where many do.",
        "Research",
        "arXiv 2601.22527; yjyddq/rho-EOS, models/LLaDA_rho_EOS.py",
        (
            *("max_new_tokens", *CHUNKS, "threshold", "expansion_factor"),
            *("rho_low", "rho_high", "rho_steps"),
        ),
        {"max_new_tokens": 2048, "block_length": 32},
    ),
}
