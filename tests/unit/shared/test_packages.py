"""Packages of Python: what their names lead to."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_no_file_hides_what_its_package_defines():
    # Once a file is imported its package has it under its name, in place of a function that was called so.
    hidden = [
        str(file.relative_to(ROOT))
        for top in ("services", "shared", "deploy", "tests")
        for package in (ROOT / top).rglob("__init__.py")
        for name in defined_in(package)
        for file in (package.with_name(f"{name}.py"), package.with_name(name) / "__init__.py")
        if file.exists()
    ]
    assert hidden == []


def defined_in(file):
    """The names that a file gives to functions, classes and values of its own."""
    for statement in ast.parse(file.read_text()).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
