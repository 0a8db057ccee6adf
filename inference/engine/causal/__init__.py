"""Autoregressive generation: KV cache in slots, shared decoding steps, sampling, exact text."""
