"""Characters that span tokens: whole in the text, with the share of every token."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.engine.text_spans import decode, growth, raw_of


def _byte(number: int) -> str:
    return bytes([number]).decode("utf-8", "surrogateescape")


def _cut(text: str, sizes: list[int]) -> list[str]:
    """The text's bytes in tokens of these sizes, as raw pieces."""
    data, pieces = text.encode(), list[str]()
    for size in sizes or [1]:
        pieces.append(data[:size].decode("utf-8", "surrogateescape"))
        data = data[size:]
    return [*pieces, data.decode("utf-8", "surrogateescape")]


def test_every_byte_of_a_character_knows_it() -> None:
    text = "é 你好 😀"
    found = decode([_byte(number) for number in text.encode()])
    assert found.text == text
    assert [text[start:end] for start, end in found.spans] == [
        letter for letter in text for _ in letter.encode()
    ]
    assert "".join(found.own()) == text
    assert found.own()[:3] == ["é", "", " "]


def test_whole_tokens_keep_their_own_spans() -> None:
    found = decode(["Once", " upon", "", "<|eot|>"])
    assert found.text == "Once upon<|eot|>"
    assert found.spans == ((0, 4), (4, 9), (9, 9), (9, 16))


def test_bytes_that_make_no_character_are_shown() -> None:
    pieces = [_byte(0xE4), "a", _byte(0xBD), _byte(0xFF), "\udcf0\udc9f"]
    found = decode(pieces)
    assert found.text == "<0xE4>a<0xBD><0xFF><0xF0><0x9F>"
    assert found.spans[0] == (0, 6)
    assert decode([_byte(0xC0), _byte(0xAF)]).text == "<0xC0><0xAF>"  # overlong: no character
    assert decode([_byte(0xED), _byte(0xA0), _byte(0x80)]).text == "<0xED><0xA0><0x80>"


def test_an_open_place_between_two_halves_keeps_them_apart() -> None:
    assert decode([_byte(0xC3), "<|mask|>", _byte(0xA9)]).text == "<0xC3><|mask|><0xA9>"


@given(st.lists(st.binary(max_size=5), max_size=12))
def test_a_text_grows_by_whole_characters_only(data: list[bytes]) -> None:
    grown = growth([part.decode("utf-8", "surrogateescape") for part in data])
    assert len(grown) == len(data)
    assert "".join(grown) == b"".join(data).decode("utf-8", "replace")


def test_a_character_comes_with_its_last_token() -> None:
    family = "👩‍👩‍👧".encode()
    pieces = [family[at : at + 1].decode("utf-8", "surrogateescape") for at in range(len(family))]
    grown = growth(["a", *pieces])
    assert "".join(grown) == "a" + family.decode()
    assert grown[:5] == ["a", "", "", "", "👩"]
    assert growth(["a", "\udcf0"]) == ["a", "\ufffd"]


def test_six_letters_are_no_byte() -> None:
    assert decode(["<0xC3>", "<0xA9>"]).text == "<0xC3><0xA9>"
    assert decode([raw_of("<0xC3>"), raw_of("<0xA9>")]).text == "é"
    assert raw_of("a<0x41>") == "a<0x41>"  # no part of a character that takes several bytes


@given(st.text(), st.lists(st.integers(1, 5), max_size=40))
def test_any_text_cut_anywhere_comes_back(text: str, sizes: list[int]) -> None:
    pieces = _cut(text, sizes)
    found = decode(pieces)
    assert found.text == text
    assert "".join(found.own()) == text
    assert len(found.spans) == len(pieces)
    for piece, (start, end) in zip(pieces, found.spans, strict=True):
        data = piece.encode("utf-8", "surrogateescape")
        assert data in found.text[start:end].encode()


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=20))
def test_any_bytes_are_decoded_without_a_lone_surrogate(data: list[bytes]) -> None:
    found = decode([part.decode("utf-8", "surrogateescape") for part in data])
    found.text.encode()
    assert all(0 <= start <= end <= len(found.text) for start, end in found.spans)
