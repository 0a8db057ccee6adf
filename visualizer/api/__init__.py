"""`/api/diffusion`: typed routes for models, generation, infilling and the state of the service."""
