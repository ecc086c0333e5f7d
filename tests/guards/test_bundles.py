"""A new life event is one module of data and its test, and nothing else: these are the two that must exist."""

import ast
import importlib
from pathlib import Path

import pytest

from domain.bundle import Bundle
from domain.catalogue import catalogue
from domain.declaration import contradictions

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "domain" / "bundles").glob("*.py") if path.stem != "__init__")

every_bundle = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)


@every_bundle
def test_it_has_a_test_module_with_tests(module: Path) -> None:
    test = ROOT / "tests" / "bundles" / f"test_{module.stem}.py"

    assert test.is_file(), f"{module.stem} is declared and not tested: {test.relative_to(ROOT)} is missing"
    assert any(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for node in ast.parse(test.read_text(encoding="utf-8")).body
    )


@every_bundle
def test_it_holds_data_only(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))

    forbidden = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.If, ast.For, ast.While, ast.Try)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, forbidden)] == []


@every_bundle
def test_it_imports_words_of_declarations_only(module: Path) -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }

    allowed = {"datetime", "domain.bundle", "domain.time_limits"}
    assert {name for name in imported if name not in allowed and not name.startswith("domain.bundles.")} == set()


@every_bundle
def test_it_says_in_its_docstring_what_it_is(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))

    assert docstring
    assert "一件事" in docstring.splitlines()[0]


@every_bundle
def test_it_loads_and_holds_together(module: Path) -> None:
    declared = importlib.import_module(f"domain.bundles.{module.stem}").BUNDLE

    assert isinstance(declared, Bundle)
    assert contradictions(declared) == ()
    assert declared in list(catalogue())


def test_no_two_share_a_code_and_a_day() -> None:
    keys = [(bundle.code, bundle.effective_from) for bundle in catalogue()]

    assert len(keys) == len(set(keys)) == len(MODULES)
