"""What each page is held to: nothing is beside the window, however narrow it is, and axe finds nothing."""

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

BESIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def at_widths(page: Page, about: str, widths: tuple[int, ...] = (320, 360, 1280)) -> Iterator[int]:
    """Show the page as wide as each of these, in pixels; all of it must be within the window."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(BESIDE) <= 0, f"{about} at {width}"
        yield width


def is_within(page: Page, about: str, widths: tuple[int, ...] = (320, 360, 1280)) -> None:
    """All of the page is within the window, as wide as each of these."""
    assert len(list(at_widths(page, about, widths))) == len(widths)


def axe_finds_nothing(page: Page, about: str = "") -> None:
    """Look at the page as it is shown now."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{about}: {found.generate_report()}"
