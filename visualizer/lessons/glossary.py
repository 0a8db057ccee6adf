"""Words of the lessons and of the workspace, each in a sentence or two."""

from __future__ import annotations

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Block", "A stretch of the canvas that is finished before the next one is begun."),
    ("Branch", "Another way on from a step. The former one stays as it was."),
    ("Canvas", "All places of a text: what was given, what is written, and what is masked."),
    ("Confidence", "The probability that the model gives to its best guess at a place."),
    ("Decoding rule", "What is written after each pass, and in which order. Also: recipe."),
    ("End of text", "A token that says that the text is over; what follows it does not count."),
    ("Entropy", "How undecided a distribution is, in nats: 0 where one token has everything."),
    ("Forward pass", "The model reads the canvas once and gives a distribution at every mask."),
    ("Mask", "A place that is open. The model guesses what belongs there."),
    ("Margin", "How far the best guess is ahead of the second one."),
    ("Remasking", "A written token is taken back; its place is open again."),
    ("Seed", "The number from which all chance of a run comes. The same seed, the same run."),
    ("Step", "One forward pass and what was written after it."),
    ("Temperature", "How much chance there is when a token is drawn: 0 takes the best guess."),
    ("Token", "A piece of text, a word or a part of one, that the model handles as one thing."),
)
