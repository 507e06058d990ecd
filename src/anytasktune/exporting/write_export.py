"""One export of one task, written and checked: its files, then parity, then the card that tells both."""

from pathlib import Path
from typing import Literal

from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource
from anytasktune.exporting.model_card import CardFacts, write_cards
from anytasktune.exporting.parity import compare_replays
from anytasktune.exporting.replaying import can_run, replay_by_use_py
from anytasktune.exporting.transformers_folders import NumberFormat, stored_format, write_merged, write_peft
from anytasktune.schema import ParityResult

Form = Literal["peft", "merged"]


def write_export(source: ExportSource, form: Form, number_format: NumberFormat | None, folder: Path) -> CardFacts:
    """Write a task's export into an empty folder and compare it with the Task-LM.

    Args:
        number_format: of the weights; the usual one of the form unless given.

    Raises:
        ExportError: it cannot be written in this form, or the copy cannot be run.
    """
    if form == "peft":
        chosen = _only("f32", number_format, "an adapter is exported as it was trained")
        write_peft(source, folder)
        needs, usage = "peft", "pip install torch transformers peft\npython use.py"
    else:
        chosen = number_format or stored_format(source)
        write_merged(source, folder, chosen)
        needs, usage = "transformers", "pip install torch transformers\npython use.py"
    parity = None
    unchecked = "" if can_run(needs) else f"{needs} is not installed here; install it (pip install {needs}) and export again"
    if not unchecked:
        parity = _checked_by_use_py(source, folder, chosen)
    facts = CardFacts(form, chosen, parity, unchecked, f'{usage} "{_first_input(source)}"')
    write_cards(source, facts, folder)
    return facts


def _only(wanted: NumberFormat, given: NumberFormat | None, why: str) -> NumberFormat:
    if given not in {None, wanted}:
        raise ExportError(f"{why}, in {wanted}, not in {given}", where="--quantize", fix="leave --quantize out")
    return wanted


def _checked_by_use_py(source: ExportSource, folder: Path, number_format: NumberFormat) -> ParityResult:
    replays = replay_by_use_py(folder, source.base_folder)
    program = "use.py (transformers)"
    return compare_replays(source.task, source.golden, replays, number_format, program, scored=True)


def _first_input(source: ExportSource) -> str:
    return "…" if not source.golden.prompts else source.golden.prompts[0].example.input.splitlines()[0][:60].replace('"', "'")
