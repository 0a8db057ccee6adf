"""Rules of single papers, and the settling canvas of DiffusionGemma."""

from __future__ import annotations

from inference.catalog.parameters import Value
from inference.catalog.recipe import DRAW, ENDING, PLAIN, RANKING, RecipeEntry, Trait

CHUNKS = ("block_length", *PLAIN, RANKING)


FREEDAVE = ("temperature", "draft_steps", "draft_by", "threshold")
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
        (*PLAIN, RANKING, "threshold", "kl_threshold", "kl_steps"),
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
        ("tokens_per_step", "block_length", *FREEDAVE, "fill_last_block", "stop_after_block"),
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
