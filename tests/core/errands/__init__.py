"""A small app on core, to show that core serves others than the visualizer."""
