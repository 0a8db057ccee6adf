"""Servers elsewhere that answer for the site: what each kind can do, and how it is asked."""
