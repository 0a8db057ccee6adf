"""What the pages are judged with finds what is wrong on one, and leaves out what it is told to."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.axe import violations


def test_a_picture_without_words_is_found(blank: Page) -> None:
    wrong = '<main><h1>Title</h1><img src="data:,"><p class="many"><img src="data:,"></p></main>'
    blank.evaluate("text => { document.body.innerHTML = text; }", wrong)
    blank.evaluate("document.documentElement.lang = 'en'")
    found = violations(blank)
    assert len(found) == 2
    assert all(line.startswith("image-alt: <img") for line in found)
    assert len(violations(blank, ".many")) == 1
