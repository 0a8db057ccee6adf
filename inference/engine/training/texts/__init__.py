"""Training on any text: a GPT of characters, one of byte pairs, or a masked-diffusion model."""
