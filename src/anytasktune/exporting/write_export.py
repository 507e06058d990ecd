"""One export of one task, written and checked: its files, then parity, then the card that tells both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune.chat import instruction_for
from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource, write_companions
from anytasktune.exporting.gguf_files import write_adapter, write_model
from anytasktune.exporting.merged_folders import NumberFormat, stored_format, write_merged
from anytasktune.exporting.model_card import CardFacts, write_cards
from anytasktune.exporting.modelfile import rendered_by_modelfile, write_modelfiles
from anytasktune.exporting.parity import compare_with_golden
from anytasktune.exporting.run_copy import PROGRAMS, answers_of_llama_cpp, answers_of_use_py, can_run
from anytasktune.invocation import quoted
from anytasktune.models.padded_adapter import vllm_rank, write_padded
from anytasktune.schema import CopyAnswer

Form = Literal["peft", "merged", "gguf", "gguf-lora", "ollama", "vllm"]


@dataclass(frozen=True)
class _Written:
    """The files of one export, not yet checked.

    Attributes:
        number_format: of the weights.
        needs: the package that runs them.
        usage: a command that answers with them.
        answer_golden: answers the golden prompts with them.
        scores_labels: whether labels are scored there, not generated.
    """

    number_format: NumberFormat
    needs: str
    usage: str
    answer_golden: Callable[[], list[CopyAnswer]]
    scores_labels: bool = False


def write_export(
    source: ExportSource, form: Form, number_format: NumberFormat | None, folder: Path, base_gguf: Path | None = None
) -> CardFacts:
    """Write a task's export into an empty folder and compare it with the Task-LM.

    Args:
        number_format: of the weights; the usual one of the form unless given.
        base_gguf: for `gguf-lora`: the base model.

    Raises:
        ExportError: it cannot be written in this form, or the copy cannot be run.
    """
    write_companions(source, folder)
    if form in {"peft", "merged", "vllm"}:
        written = _transformers_folder(source, form, number_format, folder)
    else:
        written = _gguf_file(source, form, number_format or "f16", folder, base_gguf)
    unchecked = f"{written.needs} is not installed here; install it (pip install {written.needs}) and export again"
    parity = None
    if can_run(written.needs):
        unchecked, program = "", PROGRAMS[written.needs]
        copy_answers, scored = written.answer_golden(), written.scores_labels
        parity = compare_with_golden(source.task, source.golden, copy_answers, written.number_format, program, scored=scored)
    facts = CardFacts(form, written.number_format, parity, unchecked, written.usage)
    write_cards(source, facts, folder)
    return facts


def _transformers_folder(source: ExportSource, form: Form, number_format: NumberFormat | None, folder: Path) -> _Written:
    if form != "merged" and number_format not in {None, "f32"}:
        what = f"an adapter is exported as it was trained, in f32, not in {number_format}"
        raise ExportError(what, where="--quantize", fix="leave --quantize out")
    chosen = number_format or (stored_format(source) if form == "merged" else "f32")
    needs, packages = ("transformers", "torch transformers") if form == "merged" else ("peft", "torch transformers peft")
    usage = f"pip install {packages}\npython use.py {quoted(_first_input(source))}"
    if form == "peft":
        source.task_lm.adapter.save(folder, source.base_name)
    elif form == "merged":
        write_merged(source, folder, chosen)
    else:
        usage = f"{_write_for_vllm(source, folder)}\n{usage}"
    return _Written(chosen, needs, usage, lambda: answers_of_use_py(folder, source.base_folder), scores_labels=True)


def _write_for_vllm(source: ExportSource, folder: Path) -> str:
    """Write the adapter with a rank that vLLM takes; returns the command that serves it."""
    adapter, base = source.task_lm.adapter, quoted(source.base_name)
    rank = vllm_rank(adapter.spec.rank)
    adapter.save(folder, source.base_name)
    write_padded(folder, folder, rank)
    module = json.dumps({"name": source.task.name, "path": ".", "base_model_name": source.base_name}, ensure_ascii=False)
    template = " --chat-template chat_template.jinja" if source.task_lm.manifest.rendering.template == "chat" else ""
    return f"vllm serve {base} --enable-lora --max-lora-rank {rank} --lora-modules {quoted(module)}{template}"


def _gguf_file(source: ExportSource, form: Form, number_format: NumberFormat, folder: Path, base_gguf: Path | None) -> _Written:
    name = source.task.name
    task = f"-sys {quoted(instruction_for(source.task, None))} -p {quoted(_first_input(source))} --temp 0 -st"
    model, adapter = folder / f"{name}-{number_format}.gguf", None
    usage = f"llama-cli -m {model.name} {task}"
    if form == "gguf-lora":
        model, adapter = base_gguf or folder / f"base-{number_format}.gguf", folder / f"{name}-lora.gguf"
        write_adapter(source, adapter, "f32")
        usage = f"llama-cli -m ../../base/{model.name} --lora {adapter.name} {task}"
    else:
        write_model(source, model, number_format)
    if form == "ollama":
        write_modelfiles(source, model, folder)
        usage = f"ollama create {name} -f Modelfile\nollama run {name} {quoted(_first_input(source))}"

    def answer_golden() -> list[CopyAnswer]:
        copy_answers = answers_of_llama_cpp(folder, model, adapter)
        if form != "ollama":
            return copy_answers
        pairs = zip(source.golden.prompts, copy_answers, strict=True)
        return [found.model_copy(update={"text": rendered_by_modelfile(source, prompt, folder)}) for prompt, found in pairs]

    return _Written(number_format, "xllamacpp", usage, answer_golden)


def _first_input(source: ExportSource) -> str:
    return "…" if not source.golden.prompts else source.golden.prompts[0].example.input.splitlines()[0][:60]
