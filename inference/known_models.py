"""Published checkpoints that the site knows by name: what each is, what it needs, who says so.

Sizes are those of 16-bit weights and tell whether a download is worth beginning; the download
itself asks the hub. An empty licence means that none was seen: the repository's page says it.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_A_PARAMETER = 2
GIB = 2**30


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A repository on the hub. `parameters` in all; `device`: where it is of use, in words."""

    label: str
    family: str
    parameters: int
    licence: str
    device: str
    source: str
    kind: str = "diffusion"
    note: str = ""

    @property
    def bytes(self) -> int:
        """Of its weights in 16 bits, about what the download and loaded weights take."""
        return self.parameters * BYTES_A_PARAMETER


_GPU_24 = "a GPU with 24 GB"
_GPU_40 = "a GPU with 40 GB"
_GPU_80 = "a GPU with 80 GB"
_CPU = "a CPU will do"
_SLOW_CPU = "a GPU; a CPU takes seconds a step"

_LLADA = "ML-GSAI/LLaDA, its README and model cards"
_DREAM = "DreamLM/Dream, its README and model cards"
_INCLUSION = "inclusionAI/LLaDA2.X, its README and technical reports"
_SDAR = "JetAstra/SDAR, its README and config.json of SDAR-8B-Chat"
_DLLM = "ZHZisZZ/dllm, its README"

KNOWN: dict[str, KnownModel] = {
    "GSAI-ML/LLaDA-8B-Base": KnownModel(
        "LLaDA 8B Base", "llada", 8_015_581_184, "MIT", _GPU_24, _LLADA
    ),
    "GSAI-ML/LLaDA-8B-Instruct": KnownModel(
        "LLaDA 8B Instruct", "llada", 8_015_581_184, "MIT", _GPU_24, _LLADA
    ),
    "GSAI-ML/LLaDA-1.5": KnownModel("LLaDA 1.5", "llada", 8_015_581_184, "MIT", _GPU_24, _LLADA),
    "inclusionAI/LLaDA-MoE-7B-A1B-Instruct": KnownModel(
        "LLaDA MoE 7B A1B Instruct", "llada_moe", 7_400_000_000, "", _GPU_24, _DLLM
    ),
    "inclusionAI/LLaDA2.0-mini": KnownModel(
        "LLaDA 2.0 mini", "llada2", 16_000_000_000, "Apache-2.0", _GPU_40, _INCLUSION
    ),
    "inclusionAI/LLaDA2.1-mini": KnownModel(
        "LLaDA 2.1 mini",
        "llada2",
        16_000_000_000,
        "Apache-2.0",
        _GPU_40,
        _INCLUSION,
        note="edits tokens that it has written",
    ),
    "Dream-org/Dream-v0-Base-7B": KnownModel(
        "Dream 7B Base", "dream", 7_615_616_512, "Apache-2.0", _GPU_24, _DREAM
    ),
    "Dream-org/Dream-v0-Instruct-7B": KnownModel(
        "Dream 7B Instruct", "dream", 7_615_616_512, "Apache-2.0", _GPU_24, _DREAM
    ),
    "Dream-org/DreamOn-v0-7B": KnownModel(
        "DreamOn 7B",
        "dream",
        7_615_616_512,
        "",
        _GPU_24,
        "DreamLM/DreamOn, its README",
        note="fills gaps and finds their length itself",
    ),
    "JetLM/SDAR-1.7B-Chat": KnownModel(
        "SDAR 1.7B Chat", "qwen3", 1_720_574_976, "", _SLOW_CPU, _SDAR
    ),
    "JetLM/SDAR-4B-Chat": KnownModel("SDAR 4B Chat", "qwen3", 4_022_468_096, "", _GPU_24, _SDAR),
    "JetLM/SDAR-8B-Chat": KnownModel("SDAR 8B Chat", "qwen3", 8_190_735_360, "", _GPU_24, _SDAR),
    "dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1": KnownModel(
        "Qwen3 0.6B diffusion (MDLM)", "qwen3", 596_049_920, "", _CPU, _DLLM
    ),
    "dllm-hub/Qwen3-0.6B-diffusion-bd3lm-v0.1": KnownModel(
        "Qwen3 0.6B diffusion (BD3LM)", "qwen3", 596_049_920, "", _CPU, _DLLM
    ),
    "dllm-hub/ModernBERT-base-chat-v0.1": KnownModel(
        "ModernBERT base chat", "modernbert", 150_000_000, "", _CPU, _DLLM
    ),
    "dllm-hub/ModernBERT-large-chat-v0.1": KnownModel(
        "ModernBERT large chat", "modernbert", 400_000_000, "", _CPU, _DLLM
    ),
    "google/diffusiongemma-26B-A4B-it": KnownModel(
        "DiffusionGemma 26B A4B",
        "diffusion_gemma",
        26_000_000_000,
        "Apache-2.0",
        _GPU_80,
        "its model card",
        note="has no mask: a canvas of random tokens settles",
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": KnownModel(
        "SmolLM2 135M Instruct (16 bits)",
        "llama",
        134_515_008,
        "Apache-2.0",
        _CPU,
        "its model card",
        kind="autoregressive",
    ),
}
