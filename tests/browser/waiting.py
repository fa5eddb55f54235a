"""Waiting for what a page shows by itself."""

from playwright.sync_api import Locator

from tests.waiting import until


def comes(found: Locator, *, script: bool = True) -> None:
    """Wait until it is there; without script, by loading the page again."""
    if script:
        found.first.wait_for()
    else:
        until(lambda: found.count() or (found.page.reload() and found.count()), pause_seconds=0.25)
