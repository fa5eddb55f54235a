"""What is set up by a form: shown, changed once its effect was seen, made where there is none of its name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from services.console import typed
from services.console.acting import act, key, must_be_filled, version
from services.console.apis import Part, Read, read
from services.console.forms.reviews import filled, is_reviewed, mark_of, visible_changes, yes_or_no
from services.console.markets import forget, masters
from shared.wording import locale_of

PAGE = 50
BASIS_POINTS_OF_A_PERCENT = 100
EVERYBODY = "*"
ADDRESS = ("name", "company", "line1", "line2", "postcode", "city", "region", "country", "phone")
OF_ALL = ("markets", "method_kinds")  # none named: all of them
# The words of a value, by its field; those of the others are of `setting`.
WORDED = {"payment_methods": "payment_method", "verifies": "checks"}
AS_WRITTEN = ("name", "legal_name", "locale", "time_zone", "currency", "registration")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A kind of thing that is set up: how it is read and written, and how its form is read."""

    form: str  # its name: of the form, of the fields' template, and of its words
    operations: tuple[str, str]  # that read one, and write it
    path: Mapping[str, str]  # what names one, by the form's field: what the service calls it
    blank: Mapping[str, Any]  # what the form of a new one is filled with
    typed: Callable[[], dict[str, Any]]  # the form as the service takes it
    template: str = "settings/form.html"
    more: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {}  # what else the fields need
    may_change: Callable[[Mapping[str, Any]], bool] = lambda _: True
    place: Callable[[str], str | None] = lambda _: (
        None
    )  # the form's field of one of the service's, if its own
    shown: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)  # by the head of a field's name

    def register(self, blueprint: Blueprint, one: str) -> None:
        """Give it its addresses."""
        new = f"/new/{self.form}"
        blueprint.add_url_rule(new, "ask_new", self.ask_new, methods=["GET"])
        blueprint.add_url_rule(new, "create", self.create, methods=["POST"])
        blueprint.add_url_rule(one, "show", self.show, methods=["GET"])
        blueprint.add_url_rule(one, "change", self.change, methods=["POST"])

    def ask_new(self) -> Any:
        """The form of a new one."""
        g.apis.require(self.operations[1])
        return self._page(None, {})

    def create(self) -> Any:
        """Make one; where there is one already, first show what that would change of it."""
        path = {name: text(name) for name in self.path}
        there = self._find(path) if all(path.values()) else Part(hidden=True)
        if there:
            return self._page(there.value, path)

        def do() -> Any:
            must_be_filled(**path)
            # It may be there, and is not changed unseen.
            if there.fault is not None and not there.is_unknown:
                raise there.fault
            return self._put(path)

        return self._act(do, self.ask_new, path, said=f"done.{self.form}_made")

    def show(self, **path: str) -> Any:
        """One of them, as the form of what may be otherwise."""
        return self._page(self._find(path).needed(), path)

    def change(self, **path: str) -> Any:
        """Change one, once the person has seen what that changes."""
        if not is_reviewed(self.typed()):
            return self.show(**path)
        again = lambda: self.show(**path)  # noqa: E731
        return self._act(lambda: self._put(path), again, path, said=f"done.{self.form}_changed")

    def _act(self, do: Any, again: Any, path: Mapping[str, str], *, said: str) -> Any:
        def done(_: Any) -> str:
            forget()
            return url_for(".show", **dict[str, Any](path))

        return act(self.form, do, again, done, said=said, place=self._place)

    def _put(self, path: Mapping[str, str]) -> Any:
        return g.apis.write(
            self.operations[1], self.typed(), key=key(), version=version(), **self._named(path)
        )

    def _find(self, path: Mapping[str, str]) -> Part:
        found: Part = g.apis.together(it=Read(self.operations[0], self._named(path)))["it"]
        return found

    def _named(self, path: Mapping[str, str]) -> dict[str, str]:
        return {self.path[name]: value for name, value in path.items()}

    def _place(self, named: str) -> str:
        """The form's field of one of the service's."""
        if own := self.place(named):
            return own
        head = named.partition(".")[0]
        if head in {"address", "legal_text"}:
            return named.removesuffix(".value")
        return self.form if head == "code" else head

    def _page(self, before: Mapping[str, Any] | None, path: Mapping[str, str]) -> Any:
        was = {**self.blank, **(before or {})}
        posted = request.method == "POST"
        facts = {name: was[name] for name in self.blank}
        reviewed = posted and before is not None
        form = filled(facts, was.get("version"), self.typed() if posted else was, self.write_out)
        body = form.body if before is not None else self.typed() if posted else was
        return render_template(
            self.template,
            form=self.form,
            path=path,
            is_new=before is None,
            can=g.apis.may(self.operations[1]) and (before is None or self.may_change(was)),
            was=was,
            body=body,
            filled=form,
            version=form.version,
            review=self._rows(was, body) if reviewed else [],
            mark=mark_of(body) if reviewed else "",
            facts=[(name, label_of(name), now) for name, _, now in self._rows({}, facts)],
            names={name: label_of(name) for name, *_ in self._rows({}, was) + self._rows(was, body)},
            masters=masters(),
            **self.more(body),
        )

    def _rows(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        return visible_changes(before, after, self.write_out)

    def write_out(self, name: str, value: Any) -> str:
        """A value as people read it."""
        own = self.shown.get(name.partition(".")[0])
        return own(value) if own and value not in (None, "") else shown(name, value)


def shown(name: str, value: Any) -> str:
    """A value as a review shows it."""
    if isinstance(value, bool):
        return yes_or_no(value)
    if name in OF_ALL and value == []:
        return str(g.words("settings.all"))
    if value in (None, "", [], {}):
        return "-"
    if isinstance(value, list):
        return ", ".join(shown(f"{name}.", one) for one in value)
    if isinstance(value, dict):
        return ", ".join(str(one) for one in value.values() if one)
    return _word(name.partition(".")[0], str(value))


def _word(head: str, value: str) -> str:
    """What people call a value of a field."""
    words, known = g.words, masters()
    if head == "seller":
        return str(words("settings.everybody")) if value == EVERYBODY else known.seller_name(value)
    if head == "markets":
        return str(known.markets.get(value, {}).get("name", value))
    group = WORDED.get(head, "setting")
    is_code = head not in AS_WRITTEN and words.knows(group, value)
    return str(words.of(group, value)) if is_code else value


def label_of(name: str) -> str:
    """How a field is called, of one within another both: `address.city`."""
    words = g.words
    head, _, part = name.partition(".")
    label: str = words.of("fields", head)
    if not part:
        return label
    if head == "address":
        return f"{label}: {words.of('fields', part)}"
    return f"{label}: {language_name(part) if head == 'legal_text' else part}"


def language_name(code: str) -> str:
    """A language by the name that the reader knows it by."""
    known = locale_of(g.words.language).languages
    language, _, place = code.replace("-", "_").partition("_")
    name = str(known.get(language, code))
    return (f"{name} ({place})" if place else name).capitalize()


def text(name: str) -> str:
    """What was typed into a field."""
    return request.form.get(name, "").strip()


def prose(name: str) -> str:
    """What was typed into a field of several lines."""
    return text(name).replace("\r\n", "\n")


def whole(name: str) -> int | str:
    """A whole number as it was typed; what is none is the service's to refuse."""
    return typed.whole(text(name))


def percent_of(points: Any) -> str:
    """A rate as people type it; one that is none as it was typed."""
    if not isinstance(points, int):
        return str(points)
    return f"{points / BASIS_POINTS_OF_A_PERCENT:.2f}".rstrip("0").rstrip(".")


def ticked(name: str) -> list[str]:
    """What was ticked, in the order of the page."""
    return list(dict.fromkeys(request.form.getlist(name)))


def choices(name: str, codes: Iterable[str], chosen: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What may be ticked or chosen: first what is, in its order, also what nobody here has a name of."""
    return [(code, shown(f"{name}.", code)) for code in dict.fromkeys([*chosen, *codes])]


def address() -> dict[str, str] | None:
    """An address as it was typed; nothing typed is none."""
    typed = {part: text(f"address.{part}") for part in ADDRESS}
    typed["country"] = typed["country"].upper()
    return typed if any(typed.values()) else None


def listed(setup: Setup, operation: str, heads: tuple[str, ...]) -> Any:
    """A list of what is set up, by code: each with its name and what stands in the columns."""
    query = {"cursor": request.args.get("cursor"), "limit": PAGE}
    page = g.apis.together(page=read(operation, query))["page"]
    rows = [
        {
            "url": url_for(".show", **{name: one[known_as] for name, known_as in setup.path.items()}),
            "code": one[setup.path[setup.form]],
            "name": one["name"],
            "off": not one.get("active", True),
            "cells": [setup.write_out(head, one[head]) for head in heads],
        }
        for one in (page.value["items"] if page else [])
    ]
    return render_template(
        "settings/list.html",
        form=setup.form,
        page=page,
        heads=heads,
        rows=rows,
        may_make=g.apis.may(setup.operations[1]),
        next=page.value["next"] if page else None,
    )
