"""Golden prompts answered by an exported model, in a process of its own: by its `use.py`, or by llama.cpp."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import GOLDEN_FILE, TASK_FILE, USE_FILE
from anytasktune.schema import CopyAnswer
from anytasktune.text.plain_text import shorten

PROGRAMS = {"peft": "transformers and PEFT", "transformers": "transformers", "xllamacpp": "llama.cpp"}
"""Package → the program that runs an exported model with it."""


def can_run(package: str) -> bool:
    """Whether a package that runs exported models is installed."""
    return find_spec(package) is not None


def answers_of_use_py(folder: Path, base_folder: Path) -> list[CopyAnswer]:
    """The golden prompts in a folder as its own `use.py` answers them, in float32 on the CPU."""
    words = [sys.executable, USE_FILE, "--golden", GOLDEN_FILE, "--base", str(base_folder)]
    return _copy_answers(words, folder, folder / USE_FILE)


def answers_of_llama_cpp(folder: Path, model: Path, adapter: Path | None) -> list[CopyAnswer]:
    """The golden prompts in a folder as llama.cpp answers them, greedily, from GGUF files."""
    files = [str(path.absolute()) for path in (folder / GOLDEN_FILE, folder / TASK_FILE, model, adapter) if path is not None]
    return _copy_answers([sys.executable, "-m", "anytasktune.exporting.golden_by_llama_cpp", *files], folder, model)


def _copy_answers(words: Sequence[str], folder: Path, program: Path) -> list[CopyAnswer]:
    """Run a program that prints a line per golden prompt.

    Raises:
        ExportError: it fails.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    ended = subprocess.run(list(words), cwd=folder, capture_output=True, env=environment, check=False)  # noqa: S603 - our own
    lines = [line for line in ended.stdout.decode("utf-8", "replace").splitlines() if line.startswith("{")]
    try:
        copy_answers = [CopyAnswer.model_validate_json(line) for line in lines]
    except ValidationError:
        copy_answers = []
    if ended.returncode or not copy_answers:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines() or [f"it ended with {ended.returncode}"]
        what = f"the exported model cannot be run: {shorten(said[-1], 300)}"
        raise ExportError(what, where=program.name, fix="update the program that runs it, or export in another form")
    return copy_answers
