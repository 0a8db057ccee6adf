"""Every step of the pictures goes by the temperature that is set, whenever its pass was made."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.steps import each, live, run_to_the_end, soon, start_example
from tests.browser.test_heat import column

STEPS = range(1, 24)
MEANS = """async (numbers) => {
  const base = document.querySelector("main.workspace").dataset.base;
  const mean = async (number) => {
    const { entropy } = await (await fetch(`${base}step/${number}/profile/`)).json();
    return entropy.reduce((sum, one) => sum + one, 0) / entropy.length;
  };
  return Promise.all(numbers.map(mean));
}"""
TEMPERATURE = """async () => {
  const { snapshot } = await (await fetch(document.querySelector("main").dataset.snapshot)).json();
  return snapshot.session.settings.softmax_temperature;
}"""


def told(page: Page) -> list[float]:
    """The entropies in the table of steps, but that of the last, which has no pass."""
    cells = each(page, "#steps-body td:nth-child(5)", "e.textContent")
    return [float(text) for text in cells if text]


def picture(page: Page) -> list[list[str]]:
    return [column(page, x) for x in STEPS]


def heat_to(page: Page, temperature: float) -> list[float]:
    """Set the view temperature; the mean entropies of the steps as the server has them then."""
    page.locator("#id_softmax_temperature").fill(str(temperature))
    soon(page, lambda: page.evaluate(TEMPERATURE), temperature)
    means: list[float] = page.evaluate(MEANS, [*STEPS])
    return means


def test_all_steps_go_by_the_temperature_that_is_set(page: Page) -> None:
    start_example(page)
    run_to_the_end(page)
    page.locator("#steps-details summary").click()
    expect(page.locator("#steps-body tr")).to_have_count(24)
    before, plain = picture(page), told(page)
    sharp = heat_to(page, 0.1)
    assert all(mean < one - 0.1 for mean, one in zip(sharp, plain, strict=True))
    soon(page, lambda: _agree(told(page), sharp), True)
    shown = picture(page)
    assert all(a != b for a, b in zip(before, shown, strict=True))
    page.reload()
    live(page)
    soon(page, lambda: picture(page), shown)
    assert heat_to(page, 1)
    soon(page, lambda: picture(page), before)


def _agree(shown: list[float], means: list[float]) -> bool:
    return all(abs(a - b) < 0.006 for a, b in zip(shown, means, strict=True))
