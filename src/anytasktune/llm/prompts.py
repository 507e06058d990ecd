"""Prompts: one template per language, in which every variable is given and every given one is used."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateSyntaxError, meta

from anytasktune.ids import text_hash

OWN = Path(__file__).parent / "prompts"
"""The templates every conversation needs, whatever it is about."""
_SHOWN_HASH = 8


class PromptError(ValueError):
    """A template and the values for it do not go together; always a bug of ours."""


def render_prompt(folder: Path, name: str, language: str, **values: Any) -> str:
    """The text of `folder/NAME.LANGUAGE.j2` with these values.

    Raises:
        PromptError: there is no such template, or a variable is missing or not used.
    """
    template, wanted = _compiled(_text_of(folder, name, language))
    if wanted != set(values):
        missing, unused = sorted(wanted - set(values)), sorted(set(values) - wanted)
        what = f"not given: {', '.join(missing) or 'none'}; not used: {', '.join(unused) or 'none'}"
        raise PromptError(f"{name}.{language}.j2: {what}")
    return template.render(**values).strip()


def prompt_id(folder: Path, name: str, language: str) -> str:
    """Id of the wording of a prompt: `NAME.LANGUAGE@` and the first 8 digits of its text's SHA-256.

    The text is that of the template with `\\n` line ends, so it is the same on every system.

    Raises:
        PromptError: there is no such template.
    """
    return f"{name}.{language}@{text_hash(_text_of(folder, name, language))[:_SHOWN_HASH]}"


@functools.cache
def _text_of(folder: Path, name: str, language: str) -> str:
    path = folder / f"{name}.{language}.j2"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise PromptError(f"there is no prompt {path.name} in {folder}") from None


@functools.cache
def _compiled(text: str) -> tuple[Template, frozenset[str]]:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701  (plain text)
    try:
        wanted = meta.find_undeclared_variables(environment.parse(text))
    except TemplateSyntaxError as error:
        raise PromptError(f"not a template: {error}") from None
    return environment.from_string(text), frozenset(wanted)


def marks(material: Sequence[str]) -> tuple[str, str]:
    """Marks for the beginning and end of material that stand nowhere in it, so that nothing in it can look like its end."""
    size = 3
    while any("<" * size in text or ">" * size in text for text in material):
        size += 1
    return "<" * size, ">" * size
