"""Answers that match a regular expression or a JSON Schema: tokens that none can have are refused.

A pattern becomes an automaton over bytes (`compiler`), that one over the tokens of a model
(`automaton`), and that says which tokens a place may still have (`canvas_filter` for canvases with
gaps, `prefix_filter` for texts that grow at their end).
"""
