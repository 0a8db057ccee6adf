"""Training of the small masked-diffusion models: torch only, no web framework."""
