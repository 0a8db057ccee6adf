"""Training small models in the browser: curves, samples, and the moments of a training."""
