"""A folder that holds one task: `task.json` and `train.jsonl`, `dev.jsonl`, `test.jsonl`.

Fields of `task.json`: `name`, `language`, `instruction` (text, or one text per language), `task_type`, `metric`, `labels`,
`multi_label`, `score_range`; and, where these do not say everything, `output`, `rules`, `title`, `input_from`, `limits`,
`done_by` and `hands_over` as in `domain.yaml`. Other fields (source, licence, notes) are passed over.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from anytasktune.datasets.json_shape import infer_json_schema
from anytasktune.datasets.read_result import ReadResult
from anytasktune.datasets.read_rows import read_examples
from anytasktune.datasets.write_rows import write_examples
from anytasktune.errors import DataError, Problem
from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, Metric, NumberOutput, Output, Rules, TaskType, TextOutput
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Example, SplitName, Task
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import write_atomic
from anytasktune.text.numbers import decimals_of

TASK_FILE = "task.json"
_ITEM_SEPARATOR = "；"
_MAX_DECIMALS = 6
_OTHER_TYPES = {
    "summarisation": "generation",
    "summarization": "generation",
    "summary": "generation",
    "qa": "generation",
    "question_answering": "generation",
    "translation": "generation",
    "text_generation": "generation",
    "dialogue": "generation",
    "paraphrase": "rewriting",
    "rewrite": "rewriting",
    "text_classification": "classification",
    "multiple_choice": "classification",
    "nli": "classification",
    "sentiment": "classification",
    "information_extraction": "extraction",
    "ner": "extraction",
    "regression": "scoring",
    "rating": "scoring",
}
"""Names of the same types elsewhere."""
_AS_IN_DOMAIN = ("rules", "title", "input_from", "limits", "done_by", "hands_over")


@dataclass(frozen=True)
class TaskFolder:
    """A task with its data as read.

    Attributes:
        task: the task.
        splits: the splits there are files for.
        domain: the field of work it belongs to; empty if the folder does not say.
    """

    task: Task
    splits: dict[SplitName, ReadResult]
    domain: str = ""


class _TaskFile(BaseModel):
    """`task.json`."""

    model_config = ConfigDict(extra="ignore")

    name: str
    domain: str = ""
    language: Language | None = None
    instruction: str | dict[Language, str]
    task_type: Annotated[TaskType | None, BeforeValidator(lambda given: _OTHER_TYPES.get(_plain_name(given), given))] = None
    metric: Metric | None = None
    labels: list[str] = Field(default_factory=list)
    multi_label: bool = False
    score_range: tuple[float, float] | None = None
    output: Output | None = None
    rules: Rules = Rules()
    title: dict[Language, str] = Field(default_factory=dict)
    input_from: str | None = None
    limits: dict[Language, str] = Field(default_factory=dict)
    done_by: dict[Language, str] = Field(default_factory=dict)
    hands_over: dict[Language, str] = Field(default_factory=dict)


def _plain_name(given: Any) -> str:
    return str(given).strip().lower().replace("-", "_").replace(" ", "_")


def is_task_folder(path: Path) -> bool:
    """Whether `path` is a folder with a `task.json` in it."""
    return (path / TASK_FILE).is_file()


def read_task_folder(folder: Path) -> TaskFolder:
    """Read a task and its splits.

    The output's form follows from `task_type` and, where that leaves something open (the shape of JSON, the decimals of a
    score), from the training rows. Rows are not checked against it here; that is `check_examples`.

    Raises:
        DataError: a file is missing or faulty, or a field of `task.json` is.
    """
    path = folder / TASK_FILE
    description = _read_description(path)
    files = {split: folder / f"{split}.jsonl" for split in SPLIT_NAMES}
    splits = {split: read_examples(file) for split, file in files.items() if file.exists()}
    if not splits:
        raise DataError(
            "there are no rows beside task.json", where=str(folder), fix="add train.jsonl (and dev.jsonl, test.jsonl)"
        )
    models = splits.get("train") or next(iter(splits.values()))
    output = description.output or _infer_output(description, [example.output for example in models.examples], path)
    return TaskFolder(_task(description, output, path), splits, description.domain)


def write_task_folder(task: Task, splits: Mapping[SplitName, Sequence[Example]], folder: Path, *, domain: str = "") -> None:
    """Write `task` and `splits` so that `read_task_folder` gives the same again; `task.json` is written last.

    Raises:
        StoreError: the disk is full, read-only, or the like.
    """
    for split, examples in splits.items():
        write_examples(examples, folder / f"{split}.jsonl", "jsonl")
    description = _describe(task) | ({"domain": domain} if domain else {})
    description["rows"] = {split: len(examples) for split, examples in splits.items()}
    write_atomic(folder / TASK_FILE, json.dumps(description, ensure_ascii=False, indent=2) + "\n")


def _read_description(path: Path) -> _TaskFile:
    try:
        return _TaskFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        fix = "give a folder with task.json and train.jsonl in it"
        raise DataError("there is no task.json", where=str(path.parent), fix=fix) from None
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=str(path), fix="check that you may read it"
        ) from None
    except ValidationError as error:
        raise _field_errors(error, path) from None


def _field_errors(error: ValidationError, path: Path) -> DataError:
    problems = []
    for detail in error.errors():
        field = ".".join(str(part) for part in detail["loc"])
        message, fix = detail["msg"].removeprefix("Value error, ").replace("Input should", "must"), ""
        if detail["type"] == "literal_error":
            known = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            message, fix = f"{detail['input']!r} is not known", nearest(str(detail["input"]), known)
        problems.append(Problem(f"{field}: {message}" if field else message, str(path), fix))
    return DataError(problems)


def _task(description: _TaskFile, output: Output, path: Path) -> Task:
    instruction = description.instruction
    if isinstance(instruction, str):
        if description.language is None:
            raise DataError("language is missing", where=str(path), fix='add "language": "en" or "language": "zh"')
        instruction = {description.language: instruction}
    fields = {name: getattr(description, name) for name in ("name", "metric", *_AS_IN_DOMAIN)}
    try:
        return Task(instruction=instruction, output=output, **fields)
    except ValidationError as error:
        raise _field_errors(error, path) from None


def _infer_output(description: _TaskFile, outputs: Sequence[str], path: Path) -> Output:
    kind = description.task_type
    if kind is None:
        fix = "add one of: classification, extraction, structured_generation, scoring, generation, rewriting"
        raise DataError("task_type is missing", where=str(path), fix=fix)
    if kind == "classification":
        return _label_output(description, path)
    if kind == "scoring":
        return _number_output(description, outputs, path)
    if kind in {"extraction", "structured_generation"}:
        return JsonOutput(kind="json", json_schema=infer_json_schema(outputs, description.labels))
    return TextOutput(kind="text")


def _label_output(description: _TaskFile, path: Path) -> LabelOutput | LabelsOutput:
    labels = description.labels
    if len(labels) < 2:
        raise DataError("a classification needs at least two labels", where=str(path), fix='list them under "labels"')
    if description.multi_label:
        return LabelsOutput(kind="labels", labels=labels, separator=_ITEM_SEPARATOR)
    return LabelOutput(kind="label", labels=labels)


def _number_output(description: _TaskFile, outputs: Sequence[str], path: Path) -> NumberOutput:
    if description.score_range is None:
        raise DataError("score_range is missing", where=str(path), fix='add it, e.g. "score_range": [1, 7]')
    minimum, maximum = description.score_range
    if minimum >= maximum:
        raise DataError(f"score_range is empty: {minimum:g} to {maximum:g}", where=str(path), fix="write the lower end first")
    decimals = max((decimals_of(text.strip()) for text in outputs), default=0)
    return NumberOutput(kind="number", minimum=minimum, maximum=maximum, decimals=min(decimals, _MAX_DECIMALS))


def _describe(task: Task) -> dict[str, Any]:
    """The fields of `task.json`: those every reader of the format knows, then those that make it complete."""
    texts = list(task.instruction.values())
    described: dict[str, Any] = {"name": task.name, "language": task.languages[0]}
    described["instruction"] = texts[0] if len(texts) == 1 else dict(task.instruction)
    described |= {"task_type": task.output.task_type, "metric": task.scored_by}
    described |= task.output.folder_fields() | {"output": task.output.model_dump(mode="json")}
    return described | task.model_dump(mode="json", include=set(_AS_IN_DOMAIN), exclude_defaults=True)
