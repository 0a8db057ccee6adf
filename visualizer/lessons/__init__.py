"""The lessons of /learn/: their texts, what is tried in them, and their recorded runs."""
