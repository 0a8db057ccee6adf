"""Turning an autoregressive model into one that denoises, by a low-rank adapter."""
