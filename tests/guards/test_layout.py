"""The house rules that no linter knows: what a folder says about itself, and what no line may say."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "store", "activities", "workflows", "workers", "api", "cli", "demo", "bench")
SAY_NOTHING = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "data", "common", "misc", "base"})
DECIDE = ("domain", "workflows")

# In two halves each, so that this file may look at itself.
MACHINE_PATHS = re.compile(r"(?<![\w.:/])/(?:" + "ro" + r"ot|ho" + r"me/\w+|Us" + r"ers/\w+|wo" + r"rk)/")
INDEX_HOSTS = re.compile("|".join(("py" + r"pi\.(?:org|python)", "python" + "hosted", "--(?:extra-)?ind" + "ex-url")))


@cache
def every_file() -> tuple[Path, ...]:
    """What is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # git of this machine
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def sources(*folders: str) -> list[Path]:
    return [path for path in every_file() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_is_introduced_by_one_sentence(folder: str) -> None:
    (statement,) = ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr), "its law, and nothing else"
    assert isinstance(statement.value, ast.Constant)
    first = str(statement.value.value).strip().partition("\n\n")[0]

    assert first.endswith(".")
    assert ". " not in first.replace("\n", " ")


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        named(path) for path in sources(*FOLDERS) if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(path) for path in sources(*FOLDERS, "tests") if SAY_NOTHING & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, INDEX_HOSTS], ids=["machine paths", "package indexes"])
def test_no_line_names_the_machine_it_was_written_on(pattern: re.Pattern[str]) -> None:
    found = [
        f"{named(path)}:{number}"
        for path in every_file()
        if b"\0" not in (content := path.read_bytes())
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("path", sources(*DECIDE), ids=named)
def test_rules_and_workflows_know_no_clock_and_throw_no_dice(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                assert not {name.name.partition(".")[0] for name in names} & {"random", "secrets", "time"}, node.lineno
            case ast.ImportFrom(module=str(module)):
                assert module.partition(".")[0] not in {"random", "secrets", "time"}, node.lineno
            case ast.Attribute(attr="now" | "today" | "utcnow" as clock, value=ast.Name(id=owner)):
                # `workflow.now()` is the one clock that a replay finds unchanged.
                assert (owner, clock) == ("workflow", "now"), node.lineno
            case ast.Name(id="uuid1" | "uuid4" | "uuid6" | "uuid7"):
                pytest.fail(f"line {node.lineno}: ids arrive inside the command")
            case _:
                pass


@pytest.mark.parametrize("path", sources("domain"), ids=named)
def test_rules_read_and_write_no_file_and_no_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    } | {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported & {"os", "io", "pathlib", "socket", "subprocess", "logging", "sys", "tempfile"} == set()
    assert not any(isinstance(node, ast.Name) and node.id in {"open", "print", "input"} for node in ast.walk(tree))
