"""One selector of numbers: every place that shows one shows the same, noise and all."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from visualizer.models import Digest, Session, Step
from visualizer.probability import ProbabilitySettings
from visualizer.selectors import digest_at, head_of, snapshot
from visualizer.selectors.candidates import view_of
from visualizer.selectors.position_stats import PositionStats, numbers_of

pytestmark = pytest.mark.django_db
PLAIN: dict[str, Any] = {"softmax_temperature": 1.0}
HOT = {"softmax_temperature": 3.0}
NOISY = {"softmax_temperature": 2.0, "gumbel_temperature": 1.5, "apply_gumbel_noise": True}
TOP = {"visual_top_k": 5}


def told(html: str, name: str) -> float:
    found = re.search(rf"<dt>{name}</dt><dd class=\"num\">([\d.]+)", html)
    assert found, html
    return float(found[1])


def shown_numbers(client: Client, session: Session, pos: int) -> dict[str, float]:
    """Every place that shows a number of a position or of the pass."""
    base = f"/sessions/{session.pk}"
    html = client.get(f"{base}/step/0/pos/{pos}/", headers={"HX-Request": "true"}).content.decode()
    profile = client.get(f"{base}/step/0/profile/").json()
    at = profile["positions"].index(pos)
    forward = snapshot(session)["forwards"]["0"]
    record = json.loads(client.get(f"{base}/export/json/").getvalue())
    (exported,) = record["branches"][0]["forwards"]
    top = re.search(r'<span class="num">([\d.]+)%</span>', html)
    assert top
    return {
        "inspector entropy": told(html, "Entropy"),
        "profile entropy": profile["entropy"][at],
        "inspector margin": told(html, "Margin 1–2") / 100,
        "profile margin": profile["margin"][at],
        "inspector confidence": float(top[1]) / 100,
        "profile confidence": profile["p1"][at],
        "heat": base64.b64decode(forward["heat"])[pos] / 255,
        "heat of the record": base64.b64decode(exported["heat"])[pos] / 255,
        "mean": forward["entropy"],
        "mean of the record": exported["entropy"],
        "mean of the profile": float(np.mean(profile["entropy"][4:])),
    }


@pytest.mark.parametrize("settings", [PLAIN, HOT, NOISY])
@pytest.mark.parametrize("way", ["forward_pass", "reprocess_probabilities"])
def test_all_places_show_the_same(
    play: Any,
    owner: User,
    owner_client: Client,
    session: Session,
    settings: dict[str, Any],
    way: str,
) -> None:
    if way == "forward_pass":
        play(owner, session, type=way, **settings, **TOP)
    else:
        play(owner, session, type="forward_pass", **TOP)
        play(owner, session, type=way, settings={**settings, **TOP})
    places = shown_numbers(owner_client, session, 9)
    for name in ("entropy", "margin", "confidence"):
        inspector, profile = places[f"inspector {name}"], places[f"profile {name}"]
        assert inspector == pytest.approx(profile, abs=0.006), name
    assert places["heat"] == pytest.approx(places["profile confidence"], abs=1 / 255)
    assert places["heat of the record"] == places["heat"]
    assert places["mean"] == pytest.approx(places["mean of the profile"], abs=1e-3)
    assert places["mean of the record"] == places["mean"]


@pytest.mark.parametrize("settings", [PLAIN, HOT, NOISY])
def test_strategies_and_commits_go_by_the_same(
    play: Any, owner: User, session: Session, settings: dict[str, Any]
) -> None:
    play(owner, session, type="forward_pass", **settings, **TOP)
    digest = digest_at(session)
    assert digest
    numbers = numbers_of(session, view_of(digest), 0)
    first = max(range(4, 8), key=lambda pos: numbers.confidence[numbers.view.row_of[pos]])
    row = numbers.view.row_of[first]
    comparison = play(owner, session, type="compare", strategies=["high_confidence"])
    (pick,) = comparison["strategies"]["high_confidence"]
    assert (pick["position"], pick["token_id"]) == (first, numbers.best[row])
    assert pick["prob"] == pytest.approx(numbers.confidence[row], abs=1e-6)
    play(owner, session, type="apply_selection", selections={str(first): pick["token_id"]})
    (operation,) = Step.objects.get(branch__session=session).operations
    assert operation["p"] == pytest.approx(pick["prob"], abs=1e-6)


def test_a_run_s_passes_are_summed_up_under_the_session_s_settings(
    play: Any, owner: User, begin: Any
) -> None:
    session = begin(gen_length=4)
    play(owner, session, type="forward_pass", **HOT)
    play(owner, session, type="run", recipe="llada/low_confidence", parameters={"steps": 4})
    session.refresh_from_db()
    made = Digest.objects.filter(branch__session=session, number__gte=1).order_by("number")
    assert made.count() == 3
    for row in made:
        numbers = PositionStats(view_of(row), ProbabilitySettings(**HOT))
        assert row.summary["entropy"] == pytest.approx(float(numbers.entropy.mean()), abs=1e-3)
    assert head_of(session).number == 4


def test_entropy_under_noise_is_that_of_the_noisy_distribution(
    play: Any, owner: User, session: Session
) -> None:
    """All tokens are kept of this vocabulary but some: compared with the sum over what is shown."""
    play(owner, session, type="forward_pass")
    digest = digest_at(session)
    assert digest
    view = view_of(digest)
    quiet = PositionStats(view, ProbabilitySettings(softmax_temperature=2.0))
    nearly = ProbabilitySettings(
        softmax_temperature=2.0, gumbel_temperature=1e-9, apply_gumbel_noise=True
    )
    assert np.allclose(PositionStats(view, nearly, 5).entropy, quiet.entropy, atol=1e-5)
    noisy = PositionStats(view, ProbabilitySettings(**NOISY), 5)
    kept = -(noisy.shown.probs * np.log(noisy.shown.probs)).sum(axis=1)
    rest = 1 - noisy.shown.probs.sum(axis=1)
    left = view.vocabulary - view.ids.shape[1]
    most = kept - rest * np.log(np.maximum(rest, 1e-12) / max(left, 1))
    assert (noisy.entropy >= kept - 1e-6).all()
    assert (noisy.entropy <= most + 1e-6).all()
