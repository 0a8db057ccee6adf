"""Commands that are answered on the web side at once: the database alone is asked."""
