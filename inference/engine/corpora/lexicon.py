"""The words of the small stories, and the words that follow from them.

The lexicon is small on purpose: a model of about a million parameters learns to keep a word
through a whole story only when each word returns often enough in the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

GIRLS = ("Mia", "Nora", "Ella", "Lucy", "Ruby", "Anna")
BOYS = ("Ben", "Tom", "Max", "Leo", "Finn", "Sam")

USES = {
    "ball": "kick",
    "kite": "fly",
    "book": "read",
    "drum": "play",
    "hat": "wear",
    "boat": "sail",
    "bike": "ride",
    "ring": "wear",
    "flute": "play",
    "lamp": "light",
}

ANIMALS = {
    "dog": ("Woof", "a bone", "yard"),
    "cat": ("Meow", "some milk", "house"),
    "duck": ("Quack", "some bread", "pond"),
    "cow": ("Moo", "some hay", "barn"),
    "bird": ("Tweet", "some seeds", "nest"),
    "mouse": ("Squeak", "some cheese", "hole"),
}

FREE_SLOTS: dict[str, tuple[str, ...]] = {
    "name": GIRLS + BOYS,
    "friend": GIRLS + BOYS,
    "color": ("red", "blue", "green", "yellow", "white", "black", "old", "tiny"),
    "object": tuple(USES),
    "place": ("park", "garden", "forest", "market", "school", "river"),
    "animal": tuple(ANIMALS),
    "family": ("mother", "father", "sister", "uncle"),
    "spot": ("under a bench", "behind a tree", "in the grass", "near the gate"),
    "trait": ("brave", "kind", "clever", "quiet", "shy", "funny"),
}


def article(word: str) -> str:
    """The word with its indefinite article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def is_girl(name: str) -> bool:
    """Whether the stories call this character "she"."""
    return name in GIRLS


# Derived slot → (the free slot it follows from, how it follows).
DERIVED_SLOTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "he": ("name", lambda n: "she" if is_girl(n) else "he"),
    "He": ("name", lambda n: "She" if is_girl(n) else "He"),
    "his": ("name", lambda n: "her" if is_girl(n) else "his"),
    "His": ("name", lambda n: "Her" if is_girl(n) else "His"),
    "him": ("name", lambda n: "her" if is_girl(n) else "him"),
    "girl": ("name", lambda n: "girl" if is_girl(n) else "boy"),
    "friend_he": ("friend", lambda n: "she" if is_girl(n) else "he"),
    "friend_He": ("friend", lambda n: "She" if is_girl(n) else "He"),
    "a_color": ("color", article),
    "A_color": ("color", lambda c: article(c).capitalize()),
    "use": ("object", USES.__getitem__),
    "an_animal": ("animal", article),
    "sound": ("animal", lambda a: ANIMALS[a][0]),
    "food": ("animal", lambda a: ANIMALS[a][1]),
    "home": ("animal", lambda a: ANIMALS[a][2]),
}


def derive(free: Mapping[str, str]) -> dict[str, str]:
    """Every derived slot whose free slot is bound in `free`."""
    return {
        slot: rule(free[source]) for slot, (source, rule) in DERIVED_SLOTS.items() if source in free
    }


def values(slot: str) -> tuple[str, ...]:
    """All words that a slot can take; raises KeyError for an unknown slot."""
    if slot in FREE_SLOTS:
        return FREE_SLOTS[slot]
    source, rule = DERIVED_SLOTS[slot]
    return tuple(sorted({rule(word) for word in FREE_SLOTS[source]}))
