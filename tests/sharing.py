"""Which tests share a worker of pytest-xdist, and so one served process and one browser.

Marks cannot say it: with pytest 9.2, pytest-xdist 3.8 ignores `xdist_group`.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "browser, a to c": tuple(f"tests/browser/test_{letter}" for letter in "abc"),
    "browser, n to z": tuple(f"tests/browser/test_{letter}" for letter in "nopqrstuvwxyz"),
    "browser, the others": ("tests/browser/", "tests/js/"),
    "served": (
        "tests/accounts/test_rate_limits.py",
        "tests/accounts/test_seats.py",
        "tests/clients/",
        "tests/config/test_faults.py",
        "tests/config/test_migrate.py",
        "tests/config/test_proxies.py",
        "tests/config/test_shapes.py",
        "tests/config/test_site_work.py",
        "tests/core/http/openai/other_clients.py",
        "tests/core/http/openai/test_served.py",
        "tests/docs/",
        "tests/library/test_served.py",
    ),
    "served apps": (
        "tests/playground/test_postgresql.py",
        "tests/playground/test_site.py",
        "tests/playground/test_streaming.py",
        "tests/playground/training/test_site.py",
        "tests/visualizer/api/test_served_streams.py",
        "tests/visualizer/test_recovery.py",
        "tests/visualizer/test_served_jobs.py",
        "tests/visualizer/test_sharing_sockets.py",
        "tests/visualizer/test_sockets.py",
        "tests/visualizer/test_usage_examples.py",
    ),
}


def group_of(nodeid: str) -> str:
    """The group of a test: one of GROUPS, else its file."""
    file = nodeid.split("::")[0]
    named = (name for name, paths in GROUPS.items() if file.startswith(paths))
    return next(named, file)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a group go to the same worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
