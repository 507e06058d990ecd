"""Every message a user reads has a Chinese form, and every Chinese form a message."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from anytasktune.cli.app import app
from anytasktune.localisation.catalogue import VALUE, Catalogue, catalogue

SOURCE = Path(__file__).resolve().parents[2] / "src" / "anytasktune"
FOLDER = SOURCE / "localisation" / "zh"
ERRORS = {"Problem", "disk_error", *re.findall(r"^class (\w+)\(", (SOURCE / "errors.py").read_text(encoding="utf-8"), re.M)}
ERRORS |= {"UsageError", "StoppedError", "Finding"}
MESSAGES = {"message", "phrase", "say"}
SAME_IN_BOTH = re.compile(r"\W*(-\S+|export|curl|Value error,|metric:|output\.json_schema/)")
"""Commands, options and fields are the same in all languages."""


def words(text: str) -> list[str]:
    """The words of a template that are no values."""
    return re.findall(r"[A-Za-z]{2,}", VALUE.sub(" ", text))


@cache
def entries() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        assert not set(content) & set(found), f"{file.name} repeats {set(content) & set(found)}"
        found |= content
    return found


def template(node: ast.AST) -> str | None:
    """A string or f-string of the source as a template with numbered values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts, number = [], 0
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
            else:
                parts.append(f"{{{number}}}")
                number += 1
        return "".join(parts)
    return None


def strings(node: ast.AST) -> Iterator[str]:
    """Templates in an expression, values of templates included, nested calls of other functions not."""
    if (text := template(node)) is not None:
        yield text
    if isinstance(node, ast.keyword) and node.arg == "style":
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted":
        noun, *plural = (template(part) for part in node.args[1:])
        yield from (f"{{0}} {word}" for word in (noun, *(plural or [f"{noun}s"])))
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
            continue
        if isinstance(node, ast.FormattedValue) and child is node.format_spec:
            continue
        yield from strings(child)


def told_in_calls() -> dict[str, str]:
    """Templates in calls that show a message, each with the file it is in."""
    found: dict[str, str] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in ERRORS or (name in MESSAGES and file.parent.name == "cli"):
                    for text in (text for part in (*node.args, *node.keywords) for text in strings(part)):
                        found.setdefault(text.strip(), file.relative_to(SOURCE).as_posix())
    return {text: file for text, file in found.items() if len(words(text)) > 1 and " " in text and not SAME_IN_BOTH.match(text)}


def helps() -> Iterator[str]:
    def of(command: object) -> Iterator[str]:
        for part in (command, *command.params):  # type: ignore[attr-defined]
            for name in ("help", "epilog", "rich_help_panel"):
                if isinstance(text := getattr(part, name, None), str) and text.strip():
                    yield text.strip()
        for below in getattr(command, "commands", {}).values():
            yield from of(below)

    yield from of(get_command(app))


def test_help_is_in_chinese() -> None:
    chinese = catalogue("zh")
    assert chinese is not None
    missing = [text for text in dict.fromkeys(helps()) if chinese.translate(text) == text]
    assert not missing, "add to localisation/zh/help.json: " + json.dumps(missing, ensure_ascii=False, indent=1)


def test_messages_are_in_chinese() -> None:
    known = {VALUE.sub("{}", text) for text in entries()}
    missing = {text: file for text, file in told_in_calls().items() if VALUE.sub("{}", text) not in known}
    assert not missing, "add to localisation/zh/: " + json.dumps(missing, ensure_ascii=False, indent=1)


def test_chinese_messages_have_an_english_one() -> None:
    """All words of an entry stand in one file of the source, or of the library that writes messages on wrong usage."""
    files = [*sorted(SOURCE.rglob("*.py")), *Path(typer.__file__).parent.rglob("*.py")]
    spoken = [set(words(file.read_text(encoding="utf-8").replace("\\n", " "))) for file in files]
    stale = [english for english in entries() if not any(known.issuperset(words(english)) for known in spoken)]
    assert not stale, f"delete these of localisation/zh/, or correct them: {stale}"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_translations_have_the_values_of_the_message(file: Path) -> None:
    for english, chinese in json.loads(file.read_text(encoding="utf-8")).items():
        assert set(VALUE.findall(english)) == set(VALUE.findall(chinese)), english
        assert chinese.strip() == chinese and english.strip() == english, english
        assert "{" not in VALUE.sub("", english) or "{" in VALUE.sub("", chinese), english


@given(st.data())
def test_values_arrive_in_the_translation(data: st.DataObject) -> None:
    english, chinese = data.draw(st.sampled_from([entry for entry in entries().items() if "{" in entry[0]]))
    numbers = VALUE.findall(english)
    kinds = dict(re.findall(r"\{(\d+)(#?)\}", english))
    value = st.text("ab'\"{}\\中文。/_-.", min_size=1, max_size=12).filter(lambda text: text.strip() == text)
    values = {number: str(data.draw(st.integers(0, 99))) if kinds[number] else data.draw(value) for number in numbers}
    message = VALUE.sub(lambda place: values[place[1]], english)
    found = Catalogue({english: chinese}).translate(f"  {message}\n")
    if re.search(r"\}\{", english):  # two values side by side: all characters are there, divided somewhere
        assert sorted("".join(values.values())) == sorted(set_aside(found, chinese))
    else:
        assert found == f"  {VALUE.sub(lambda place: values[place[1]], chinese)}\n"


def set_aside(found: str, chinese: str) -> str:
    """The values in a translated message."""
    parts = [re.escape(part) if place % 2 == 0 else "(.*?)" for place, part in enumerate(VALUE.split(chinese))]
    match = re.fullmatch("".join(parts), found.strip(), re.DOTALL)
    assert match is not None, found
    return "".join(match.groups())
