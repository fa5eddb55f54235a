"""What a screen is to the rest of the console."""

from dataclasses import dataclass

from flask import Blueprint


@dataclass(frozen=True)
class Screen:
    """A group of pages with its place in the navigation."""

    blueprint: Blueprint
    endpoint: str  # of its first page
    operation: str  # who may read this finds the screen in the navigation; none: everybody
    label: str = ""  # the key of its name; without one it is not in the navigation
    icon: str = ""
    inner: str = ""  # the key of its first page's name, where it has several pages
    changes: tuple[str, ...] = ()  # who may do none of these has no business there; none named: everybody has
    within: str = ""  # the screen that it belongs to; with a name it stands among the pages of that one
