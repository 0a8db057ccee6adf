"""Decoding rules of single papers, a file each: the parts that are theirs, and the recipes."""
