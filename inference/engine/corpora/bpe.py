"""Tokenizers of the small models: special tokens, byte-level BPE for text, one token per symbol.

Where there is a start token, the tokenizer's own post-processor puts it in front of a document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

END = "<|endoftext|>"
MASK = "<|mdm_mask|>"
START = "<|startoftext|>"
EXPAND = "<|expand|>"
DELETE = "<|delete|>"
UNKNOWN = "<|unknown|>"
SPECIAL_TOKENS = (END, MASK, START)


def train_bpe(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE over `texts` with the start token in front of every document."""
    return put_start_first(byte_pairs(texts, vocab_size))


def byte_pairs(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE over `texts`; any text can be encoded, whatever the corpus held."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def symbol_tokenizer(symbols: Sequence[str], pattern: str = ".") -> Tokenizer:
    """One token per symbol after the special tokens; white space is ignored, anything else
    becomes the unknown token, and there is no start token.

    `pattern`: the regular expression of a symbol, by default any one character.
    """
    special = [END, MASK, UNKNOWN]
    vocab = {token: index for index, token in enumerate([*special, *symbols])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(pattern), "isolated")]
    )
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def characters(text: str, most: int) -> Tokenizer:
    """One token for each character of a text, white space too: the `most` frequent ones.

    The others, and those that the text does not hold, are the unknown token.
    """
    special = [END, MASK, UNKNOWN]
    found = [one for one, _ in Counter(text).most_common(most)]
    vocab = {token: index for index, token in enumerate([*special, *sorted(found)])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """The token's id; raises KeyError where the vocabulary has none."""
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise KeyError(token)
    return found


def put_start_first(tokenizer: Tokenizer) -> Tokenizer:
    """Make `tokenizer` put the start token in front of every document."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, tokenizer.token_to_id(START))]
    )
    return tokenizer
