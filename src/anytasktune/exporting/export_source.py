"""The source of every export of a Task-LM, and the files that lie in each of them."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from anytasktune.chat import instruction_for
from anytasktune.inference.task_lm import TaskLM
from anytasktune.schema import GoldenPrompts, ParityResult, Task, TaskReport, TrainedElsewhere
from anytasktune.settings import System
from anytasktune.store import write_atomic

GOLDEN_FILE, TASK_FILE, USE_FILE = "golden.json", "task.json", "use.py"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
)
TEMPLATE_VALUES: dict[str, Any] = {"enable_thinking": False, "date_string": "26 Jul 2024"}
"""Values that training gives chat templates; see `chat`."""


@dataclass(frozen=True)
class ExportSource:
    """One task of a Task-LM, in memory, and what is known of it.

    Attributes:
        task: as it was when the Task-LM was trained.
        system: name of the Task-LM in a report.
        base_folder: the base model's files.
        base_name: Hub id of the base model, or its folder where it has none.
        golden: dev rows as the Task-LM answers them.
        results: the task in the last report, where that measured this Task-LM.
        since_training: the golden prompts as they were recorded in training, compared with those of now; None where none were.
        trained_elsewhere: what is known of its training where another program trained it; else None.
    """

    task_lm: TaskLM
    task: Task
    system: System
    train_rows: int
    base_folder: Path
    base_name: str
    golden: GoldenPrompts
    results: TaskReport | None = None
    since_training: ParityResult | None = None
    trained_elsewhere: TrainedElsewhere | None = None

    @property
    def has_head(self) -> bool:
        """Whether the report's answers are joined with a label head, which stays in the project."""
        return self.task.name in self.task_lm.manifest.label_heads


def write_companions(source: ExportSource, folder: Path) -> None:
    """Write what says how the model is used: the tokenizer, `task.json`, `use.py` and the golden prompts."""
    write_tokenizer(source, folder)
    write_atomic(folder / TASK_FILE, json.dumps(_task_facts(source), ensure_ascii=False, indent=2) + "\n")
    write_atomic(folder / GOLDEN_FILE, source.golden.model_dump_json(indent=1) + "\n")
    template = files("anytasktune.exporting") / "templates" / "use_py.txt"
    write_atomic(folder / USE_FILE, template.read_text(encoding="utf-8"))


def write_tokenizer(source: ExportSource, folder: Path) -> None:
    """Copy the base model's tokenizer, with a chat template that renders as training did, whoever calls it."""
    for name in TOKENIZER_FILES:
        if (source.base_folder / name).is_file():
            write_atomic(folder / name, (source.base_folder / name).read_bytes())
    if template := pinned_template(source):
        write_atomic(folder / "chat_template.jinja", template)


def pinned_template(source: ExportSource) -> str:
    """The chat template with the values set that training gave it; empty where there is none."""
    template = str(source.task_lm.base.format.tokenizer.chat_template or "")
    values = [f"{{%- set {name} = {_jinja(value)} %}}" for name, value in TEMPLATE_VALUES.items() if name in template]
    return "".join(values) + template


def _jinja(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else json.dumps(value)


def _task_facts(source: ExportSource) -> dict[str, Any]:
    task, manifest = source.task, source.task_lm.manifest
    decoding, labels = manifest.decoding[task.name], {language: task.labels_in(language) for language in task.languages}
    return {
        "task": task.name,
        "task_lm": manifest.id,
        "base_model": source.base_name,
        "base_fingerprint": manifest.base_model.fingerprint,
        "instruction": {language: instruction_for(task, language) for language in task.languages},
        "template": manifest.rendering.template,
        "system_role": manifest.rendering.system_role,
        "template_values": TEMPLATE_VALUES,
        "end_of_turn": manifest.rendering.end_of_turn,
        "labels": labels if decoding.method == "label_scoring" else None,
        "max_new_tokens": decoding.max_new_tokens,
    }
