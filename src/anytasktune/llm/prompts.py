"""Prompts: one template per language, in which every variable is given and every given one is used."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, meta

OWN = Path(__file__).parent / "prompts"
"""The templates every conversation needs, whatever it is about."""


class PromptError(ValueError):
    """A template and the values for it do not go together; always a bug of ours."""


def render_prompt(folder: Path, name: str, language: str, **values: Any) -> str:
    """The text of `folder/NAME.LANGUAGE.j2` with these values.

    Raises:
        PromptError: there is no such template, or a variable is missing or not used.
    """
    environment = Environment(  # noqa: S701  (a prompt is plain text)
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    file = f"{name}.{language}.j2"
    try:
        source = environment.get_template(file)
        text = (folder / file).read_text(encoding="utf-8")
    except TemplateNotFound:
        raise PromptError(f"there is no prompt {file} in {folder}") from None
    wanted = meta.find_undeclared_variables(environment.parse(text))
    if wanted != set(values):
        missing, unused = sorted(wanted - set(values)), sorted(set(values) - wanted)
        raise PromptError(f"{file}: not given: {', '.join(missing) or 'none'}; not used: {', '.join(unused) or 'none'}")
    return source.render(**values).strip()
