"""The six lessons, in the order in which they are read."""

from __future__ import annotations

from visualizer.lessons.lesson import MASK, Choice, Lesson, Variant

_STORY = "Tell a story about Nora, who loses a red kite."
_GAP = "Leo was a very kind boy. He had a red kite.{} At last he found the kite in a bush."
_SUDOKU = "rank/high_confidence"

GUESS = Lesson(
    slug="mask-and-guess",
    title="Mask and guess",
    summary="A diffusion model sees the whole canvas and guesses every mask at once.",
    paragraphs=(
        "The canvas of this lesson has masks in it. One forward pass of the model gives a "
        "probability to every token at every mask, all at the same time, and the tokens around a "
        "mask count on both sides.",
        "Then some of these guesses are written, and the model looks again: with more text in "
        "place the other guesses change. That is all of it. Everything else is a question of "
        "what is written when.",
    ),
    task="Go forward step by step. Choose a mask to see what the model expects there, and try to "
    "say which one it writes next.",
    model="addition",
    prompt="96685782+53314917=",
    gen_length=9,
    guesses=True,
    variants=(
        Variant(
            "sum",
            "A sum",
            "rank/high_confidence",
            {"tokens_per_step": 1},
            "The model was trained on sums only. Look which digits it is sure of first.",
        ),
        Variant(
            "sentence",
            "A sentence",
            "rank/high_confidence",
            {"tokens_per_step": 1, "block_length": 64},
            "Text stands on both sides of the gap, and both sides count.",
            model="stories",
            prompt="Tell a story about Leo, who loses a red kite. " + _GAP.format(MASK * 7),
        ),
    ),
    question="What does one forward pass of a diffusion model tell?",
    choices=(
        Choice("The next token of the text.", "That is an autoregressive model. Here every mask "
               "has its own distribution, wherever it stands."),
        Choice("A distribution at every mask at once.", "The model could write any of the "
               "masks now; the decoding rule decides which.", right=True),
        Choice("The finished text.", "It could be read off at once, but such guesses do not know "
               "of each other. The third lesson shows what comes of it."),
    ),
)  # fmt: skip
ORDER = Lesson(
    slug="order-matters",
    title="Order matters",
    summary="The same model, the same puzzle: what is written first decides what comes out.",
    paragraphs=(
        "A sudoku has cells that follow from what stands there and cells that do not yet. A "
        "model that may write anywhere can begin with what it is sure of; each sure cell makes "
        "others sure.",
        "Left to right there is no such choice: the first open cell has to be written, sure or "
        "not, and what is wrong then stays wrong and misleads the rest.",
    ),
    task="Run the puzzle in each order, and look where the first wrong cell comes from.",
    model="sudoku",
    tells=("confident", "left"),
    variants=(
        Variant("confident", "Most confident first", _SUDOKU, {"tokens_per_step": 1},
                "Each step writes the cell that the model is surest of."),
        Variant("left", "Left to right", "rank/left_to_right", {"tokens_per_step": 1},
                "The order in which an autoregressive model has to write."),
        Variant("random", "Random order", "rank/random", {"tokens_per_step": 1},
                "The order that masked diffusion models are trained on."),
        Variant("doubtful", "Least confident first", "rank/low_confidence",
                {"tokens_per_step": 1}, "The worst of orders: guesses first, what is plain last."),
    ),
    question="Why does the most confident order solve more puzzles, with the same model?",
    choices=(
        Choice("It makes more forward passes.", "All four make as many: one for each open cell."),
        Choice("It writes what follows already and leaves open what does not follow yet.",
               "Doubtful cells wait until there is enough around them.", right=True),
        Choice("It corrects wrong cells later.", "Nothing is corrected here: what is written "
               "stays. The fourth lesson does that."),
    ),
)  # fmt: skip
TOGETHER = Lesson(
    slug="too-many-at-once",
    title="Too many tokens at once",
    summary="Several tokens in one pass are quick, and do not know of each other.",
    paragraphs=(
        "Every pass costs the same, however many tokens are written after it. Writing four at a "
        "time takes a quarter of the passes: that is why diffusion models can be quick.",
        "But the guesses of one pass are made apart from each other. Two cells of a row may both "
        "want the same digit, each with good reason, and only one of them can have it.",
    ),
    task="Write more and more cells in a pass, and watch when the puzzle breaks.",
    model="sudoku",
    tells=("one", "eight"),
    variants=(
        *(
            Variant(name, f"{count} in a pass", _SUDOKU, {"tokens_per_step": count}, note)
            for name, count, note in (
                ("one", 1, "Every cell sees all those before it."),
                ("two", 2, "Half of the passes."),
                ("four", 4, "A quarter of the passes."),
                ("eight", 8, "Three passes for the whole puzzle."),
            )
        ),
        Variant("sure", "As many as are sure", "fastdllm/threshold", {"threshold": 0.9},
                "No fixed number: each pass writes every cell whose probability is above 0.9."),
    ),
    question="Eight cells of one pass are each 90 % sure. Why is the whole worse than that?",
    choices=(
        Choice("Their probabilities are those of each cell alone; together they may contradict.",
               "Even where they do not contradict, eight times 90 % leaves less than one in "
               "two of being right everywhere.", right=True),
        Choice("The model computes less exactly for eight cells.", "It computes the same: one "
               "pass over the whole canvas, whatever is written afterwards."),
        Choice("The later cells of the pass see the earlier ones.", "They do not: all of them "
               "come from the same pass."),
    ),
)  # fmt: skip
MISTAKES = Lesson(
    slug="early-mistakes",
    title="Early mistakes and remasking",
    summary="What was written too soon can be masked again, if the rule allows it.",
    paragraphs=(
        "In the simplest rules a written token stays. A wrong one is then part of what the model "
        "sees for the rest of the run, and everything is fitted to it.",
        "Some rules look again at what they have written and mask the tokens that the model, "
        "knowing more now, would not write any more. It matters which: opening random ones loses "
        "as much as it repairs, opening the doubtful ones repairs.",
    ),
    task="Compare a run that never looks back with those that do. Cells that were opened again "
    "have a dashed border.",
    model="sudoku",
    tells=("doubt", "never"),
    variants=(
        Variant("never", "Never looks back", "llada/random", {"steps": 12},
                "Random order, two cells in a pass; what is written stays."),
        Variant("anything", "Opens any again", "remdm", {"steps": 24},
                "ReMDM: written cells are masked again at random."),
        Variant("doubt", "Opens the doubtful", "p2", {"steps": 12},
                "P2: after each pass the cells that the model believes least are open again."),
        Variant("back", "Goes back when unsure", "saber", {},
                "Saber: writes more when it goes well, and takes back what lost its support."),
    ),
    question="When does masking again help?",
    choices=(
        Choice("Always: more passes are better.", "ReMDM makes the most passes of these, and "
               "solves few puzzles: it opens right cells as well as wrong ones."),
        Choice("When the cells that are opened are those that the model would not write now.",
               "The model has to tell its mistakes from the rest.", right=True),
        Choice("Only at the end of a run.", "The earlier a mistake goes, the less is fitted to "
               "it."),
    ),
)  # fmt: skip
NOISE = Lesson(
    slug="temperature",
    title="Temperature, noise and end-of-text",
    summary="How much chance is in a run, and why texts may end too early.",
    paragraphs=(
        "At temperature 0 the likeliest token is written, and a run always comes out the same. "
        "Above it tokens are drawn: noise is added to the model's scores, so that others have a "
        "chance as well. With too much of it the text falls apart.",
        "The canvas has a fixed length, and what is left over is filled with end-of-text. That "
        "is the easiest guess of all, so an order by confidence writes it first, from behind, and "
        "leaves little room. “End of text last” holds it back.",
    ),
    task="Run the story with more and more noise, and once without holding end-of-text back.",
    model="stories",
    prompt=_STORY,
    gen_length=64,
    variants=(
        *(
            Variant(name, label, "llada/low_confidence",
                    {"steps": 64, "block_length": 64, "temperature": heat, "eos_last": last}, note)
            for name, label, heat, last, note in (
                ("calm", "No noise", 0.0, True, "The likeliest token, every time the same story."),
                ("some", "Temperature 1", 1.0, True, "Another story; another seed, another one."),
                ("much", "Temperature 4", 4.0, True, "So much noise that words hardly follow."),
                ("ends", "End of text not held back", 0.0, False,
                 "The end is written first, from behind. The story gets what is left."),
            )
        ),
    ),
    question="Why does a run by confidence write end-of-text first?",
    choices=(
        Choice("The model was told to write short texts.", "It was not; the same model writes "
               "longer ones when end-of-text is held back."),
        Choice("Far behind, nearly every training text had ended: it is a very sure guess.",
               "Sure, and of no use that early.", right=True),
        Choice("The temperature is too low.", "At any temperature it is the surest guess; only "
               "the order decides when it is written."),
    ),
)  # fmt: skip
GAPS = Lesson(
    slug="gaps",
    title="Gaps of unknown length",
    summary="A mask may become two, or go: the model finds the length itself.",
    paragraphs=(
        "A canvas of masks fixes how many tokens are written. For a gap in a text nobody knows "
        "that number before: with too few masks the sentence is cut, with too many it is filled "
        "up with something.",
        "A model can be taught two more tokens: one that turns its mask into two, and one that "
        "removes it. The length of the gap is then part of what is guessed, like the words.",
    ),
    task="Give the gap one mask or sixteen, and watch the canvas grow and shrink.",
    model="infill",
    variants=(
        Variant("one", "1 mask, may grow", "dreamon", {"tokens_per_step": 1},
                "One mask becomes as many as the sentences need.", prompt=_GAP.format(MASK)),
        Variant("many", "16 masks, may change", "dreamon", {"tokens_per_step": 1},
                "What is too much is removed.", prompt=_GAP.format(MASK * 16)),
        Variant("fixed", "4 masks, fixed", "rank/high_confidence", {"tokens_per_step": 1},
                "The same model without the two tokens: four words, whatever they say.",
                prompt=_GAP.format(MASK * 4)),
    ),
    question="How does the model make a gap longer?",
    choices=(
        Choice("It begins again with more masks.", "Nothing begins again: what is written stays "
               "while the gap grows."),
        Choice("It writes a token that turns its mask into two masks.",
               "It is chosen like any other token, by its probability.", right=True),
        Choice("It writes behind the end of the text.", "The text behind the gap stays where it "
               "is; the new masks stand within the gap."),
    ),
)  # fmt: skip
LESSONS: dict[str, Lesson] = {
    one.slug: one for one in (GUESS, ORDER, TOGETHER, MISTAKES, NOISE, GAPS)
}
