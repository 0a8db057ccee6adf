"""GGUF files as data: header, configuration, tokenizer and weights of causal models."""
