"""Waiting for what a page shows by itself."""

from playwright.sync_api import Locator

from tests.waiting import until


def comes(found: Locator, *, script: bool = True) -> None:
    """Wait until it is there; without script, by loading the page again."""

    def is_there_now() -> bool:
        found.page.goto(found.page.url)
        return found.count() > 0

    if script:
        found.first.wait_for()
    elif not found.count():
        until(is_there_now, pause_seconds=0.25)
