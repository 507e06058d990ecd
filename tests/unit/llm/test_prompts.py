"""Prompts are strict, and there is one in each language for everything."""

from pathlib import Path

import pytest

from anytasktune.llm import PromptError, prompt_id, render_prompt
from anytasktune.llm.prompts import OWN
from anytasktune.tasks.ask_teacher import PROMPTS


def test_a_missing_variable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ask.en.j2").write_text("{{ one }} {{ two }}", encoding="utf-8")
    with pytest.raises(PromptError, match="not given: two; not used: none"):
        render_prompt(tmp_path, "ask", "en", one=1)


def test_an_unused_variable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ask.en.j2").write_text("{{ one }}", encoding="utf-8")
    with pytest.raises(PromptError, match="not given: none; not used: two"):
        render_prompt(tmp_path, "ask", "en", one=1, two=2)


def test_a_missing_prompt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"no prompt ask\.zh\.j2"):
        render_prompt(tmp_path, "ask", "zh")


def test_values_are_put_in_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "ask.en.j2").write_text("{{ one }}", encoding="utf-8")
    assert render_prompt(tmp_path, "ask", "en", one="<b> {{ two }} & “”") == "<b> {{ two }} & “”"


def test_a_prompt_is_known_by_its_wording(tmp_path: Path) -> None:
    for folder, text in (("first", "{{ one }}\n"), ("same", "{{ one }}\n"), ("other", "{{ one }}!\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ask.en.j2").write_text(text, encoding="utf-8", newline="\n")
    first, same, other = (prompt_id(tmp_path / folder, "ask", "en") for folder in ("first", "same", "other"))
    assert first == same == "ask.en@15c27f42"
    assert other.startswith("ask.en@")
    assert other != first


def test_line_ends_do_not_make_another_prompt(tmp_path: Path) -> None:
    for folder, ends in (("unix", "\n"), ("windows", "\r\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ask.en.j2").write_text("a\nb", encoding="utf-8", newline=ends)
    assert prompt_id(tmp_path / "unix", "ask", "en") == prompt_id(tmp_path / "windows", "ask", "en")


def test_a_prompt_that_is_not_there_has_no_id(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"no prompt ask\.zh\.j2"):
        prompt_id(tmp_path, "ask", "zh")


@pytest.mark.parametrize("folder", [OWN, PROMPTS], ids=["llm", "taskpool"])
def test_every_prompt_is_there_in_both_languages(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names
    assert [name for name in names if name.endswith(".en.j2")] == [
        name.replace(".zh.", ".en.") for name in names if name.endswith(".zh.j2")
    ]
