"""Routes by subject; visualizer.api.router puts them together."""
