"""Every test that starts servers is in the group that shares them."""

from __future__ import annotations

import re

from tests.servers import ROOT
from tests.sharing import GROUPS, group_of

SERVED = re.compile(r"\b(site|served_site|redis_url|postgres_url): |embedded_site\(|full_site\(")
HELPERS = {"conftest.py", "servers.py", "served.py", "house.py", "proxies.py", "test_sharing.py"}


def test_whoever_is_served_shares() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if path.name not in HELPERS and SERVED.search(path.read_text(encoding="utf-8")):
            assert group_of(f"{name}::test") in GROUPS, name


def test_other_tests_go_by_file() -> None:
    assert (
        group_of("tests/inference/test_admin.py::test_x[a::b]") == "tests/inference/test_admin.py"
    )
    assert group_of("tests/browser/test_plain.py::test_axe[390]") == "browser, n to z"
    assert group_of("tests/browser/test_keys.py::test_axe[390]") == "browser, the others"
    assert group_of("tests/js/test_modules.py::test_axe") == "browser, the others"
