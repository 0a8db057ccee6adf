"""`/v1`: the OpenAI-compatible door, for every kind of model that has a generator."""
