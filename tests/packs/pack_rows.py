"""A pack as its tests look at it: the pool, and every row with its place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from anytasktune.packs import pack_files
from anytasktune.records import Language
from anytasktune.schema import Domain, Example, Task
from anytasktune.settings.yaml_reading import parse_record

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class Row:
    """A row, and `data/TASK/SPLIT.jsonl:LINE`."""

    place: str
    task: Task
    split: str
    fields: dict[str, Any]

    @property
    def example(self) -> Example:
        return Example.model_validate(self.fields)

    @property
    def language(self) -> Language:
        return self.task.language_of(self.fields.get("language"))

    @property
    def input(self) -> str:
        return str(self.fields["input"])

    @property
    def output(self) -> str:
        return str(self.fields["output"])

    @property
    def answer_words(self) -> str:
        """What is said in the answer: its items, the strings inside its JSON, or all of it."""
        return " ".join(text for _, text in self.task.output.strings(self.task.parse(self.output, self.language)))


@dataclass(frozen=True)
class Pack:
    """A pack, read."""

    name: str
    domain: Domain
    rows: tuple[Row, ...]
    texts: dict[str, str]

    def of(self, task: Task, language: Language | None = None, split: str | None = None) -> list[Row]:
        """The rows of a task, in one language or one split if wanted."""
        return [
            row
            for row in self.rows
            if row.task.name == task.name and language in (None, row.language) and split in (None, row.split)
        ]


@cache
def read_pack(name: str) -> Pack:
    texts = {path: content.decode("utf-8") for path, content in pack_files(name).items()}
    domain = parse_record(Domain, texts["domain.yaml"], f"{name}/domain.yaml")
    return Pack(name, domain, tuple(_rows(domain, texts)), texts)


def _rows(domain: Domain, texts: dict[str, str]) -> Iterator[Row]:
    for path in sorted(path for path in texts if path.endswith(".jsonl")):
        _, task, split = path.removesuffix(".jsonl").split("/")
        for number, line in enumerate(texts[path].splitlines(), 1):
            yield Row(f"{path}:{number}", domain.task(task), split, json.loads(line))


def strings_in(value: Any) -> Iterator[str]:
    """The strings inside a JSON value; keys are not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from strings_in(child)


def spoken_words(text: str) -> str:
    """`text`; of one that is a JSON object or array, what is said in it."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return " ".join(strings_in(value)) if isinstance(value, (dict, list)) else text


def bench_folder() -> Path:
    return Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "bench"
