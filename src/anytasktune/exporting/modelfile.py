"""Ollama's Modelfile: the prompt as a Go template, the instruction, the stop tokens, greedy answers.

Ollama guesses a template where a Modelfile has none, and punishes repetitions; both would change the answers.
"""

import re
from pathlib import Path

from anytasktune.chat import instruction_for
from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource
from anytasktune.records import Language
from anytasktune.schema import Example, GoldenPrompt
from anytasktune.store import write_atomic

_SYSTEM, _PROMPT = "{{ .System }}", "{{ .Prompt }}"
_PROBE = "⟦instruction⟧", "⟦input⟧"
_LONGEST_CONTEXT = 8192
_TEMPLATE = re.compile(r'^TEMPLATE """(.*?)"""$', re.M | re.S)
_INSTRUCTION = re.compile(r'^SYSTEM """(.*?)"""$', re.M | re.S)


def modelfile_name(source: ExportSource, language: Language) -> str:
    """The file for a language: an Ollama model has one instruction."""
    return "Modelfile" if language == source.task.languages[0] else f"Modelfile.{language}"


def write_modelfiles(source: ExportSource, model: Path, folder: Path) -> None:
    """Write a Modelfile per language of the task.

    Raises:
        ExportError: the prompt or an instruction cannot be written in one.
    """
    rendering, base = source.task_lm.manifest.rendering, source.task_lm.base
    template = _go_template(source)
    stops = [base.format.tokenizer.convert_ids_to_tokens(token) for token in rendering.end_of_turn]
    for language in source.task.languages:
        instruction = instruction_for(source.task, language)
        if '"""' in template + instruction or "{{" in instruction:
            what = f"the {language} instruction or the chat template holds characters that a Modelfile cannot"
            raise ExportError(what, fix='take """ and {{ out of them, or export to gguf')
        lines = [
            f"FROM ./{model.name}",
            f'TEMPLATE """{template}"""',
            f'SYSTEM """{instruction}"""',
            *(f'PARAMETER stop "{stop}"' for stop in stops),
            "PARAMETER temperature 0",
            "PARAMETER repeat_penalty 1.0",
            f"PARAMETER num_ctx {min(base.info.context_length, _LONGEST_CONTEXT)}",
            f"PARAMETER num_predict {source.golden.max_new_tokens}",
        ]
        write_atomic(folder / modelfile_name(source, language), "\n".join(lines) + "\n")


def rendered_by_modelfile(source: ExportSource, golden: GoldenPrompt, folder: Path) -> str:
    """The prompt that Ollama makes of a golden prompt's input, read from the file as written."""
    language = source.task.language_of(golden.example.language)
    text = (folder / modelfile_name(source, language)).read_text(encoding="utf-8")
    template, instruction = _TEMPLATE.search(text), _INSTRUCTION.search(text)
    if template is None or instruction is None:
        return ""
    return template[1].replace(_SYSTEM, instruction[1]).replace(_PROMPT, golden.example.input)


def _go_template(source: ExportSource) -> str:
    """The task's prompt with Ollama's names in the place of instruction and input."""
    instruction, given = _PROBE
    probe = source.task.model_copy(update={"instruction": {"en": instruction}})
    format_ = source.task_lm.model(source.task.name).format or source.task_lm.base.format
    text = format_.prompt_text(probe, Example(input=given, output="", language="en"))
    return text.replace(instruction, _SYSTEM).replace(given, _PROMPT)
