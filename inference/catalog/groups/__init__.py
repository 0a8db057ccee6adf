"""The recipes, a file for each group."""
