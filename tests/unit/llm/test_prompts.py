"""Prompts are strict, and there is one in each language for everything."""

from pathlib import Path

import pytest

from anytasktune.llm import PromptError, render_prompt
from anytasktune.llm.prompts import OWN
from anytasktune.taskpool.teaching import PROMPTS


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


@pytest.mark.parametrize("folder", [OWN, PROMPTS], ids=["llm", "taskpool"])
def test_every_prompt_is_there_in_both_languages(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names
    assert [name for name in names if name.endswith(".en.j2")] == [
        name.replace(".zh.", ".en.") for name in names if name.endswith(".zh.j2")
    ]
