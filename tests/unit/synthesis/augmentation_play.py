"""A teacher in a play, tasks and rows for tests of augmentations."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.openai_server import Answer, Answers, Served, serving

from anytasktune.llm import Teacher
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.settings import Augmentation, SynthesisConfig, TeacherConfig
from anytasktune.synthesis import Candidates, augment

_MATERIAL = re.compile(r"(<{3,})\n(.*?)\n>{3,}", re.S)


@dataclass
class Play:
    """A teacher in a play: what it writes, and what it answers.

    Attributes:
        writes: a new text from an old one and the prompt.
        answers: the answer to an input.
        pieces: translated pieces from the prompt.
    """

    writes: Callable[[str, str], str]
    answers: Callable[[str], Any]
    pieces: Callable[[str], list[str]] = lambda _: []

    def __call__(self, body: dict[str, Any]) -> Answer:
        prompt = "\n\n".join(message["content"] for message in body["messages"] if message["role"] == "user")
        text = _MATERIAL.findall(prompt)[-1][1]
        properties = properties_of(body)
        if "answer" in properties:
            return json.dumps({"answer": self.answers(text)}, ensure_ascii=False)
        said: dict[str, Any] = {"text": self.writes(text, prompt), "change": "something"}
        said["pieces"] = self.pieces(prompt)
        return json.dumps({key: said[key] for key in properties}, ensure_ascii=False)


def properties_of(body: dict[str, Any]) -> dict[str, Any]:
    """The properties of the answer that is asked for."""
    return dict(body["response_format"]["json_schema"]["schema"]["properties"])


@contextmanager
def teacher(answers: Answers, folder: Path) -> Iterator[tuple[Teacher, Served]]:
    with serving(answers) as served:
        yield opened(served, folder), served


def opened(served: Served, folder: Path) -> Teacher:
    config = TeacherConfig(name="big-model", attempts=3, concurrency=4)
    return Teacher.open(config, {"OPENAI_BASE_URL": served.url}, folder / "answers")


URGENCY = Task.model_validate(
    {
        "name": "urgency",
        "instruction": {"en": "How soon must the caller be seen?", "zh": "来电者应当多快就诊？"},
        "output": {"kind": "label", "labels": {"en": ["today please", "next week"], "zh": ["今天就诊", "下周就诊"]}},
    }
)
FACTS = Task.model_validate(
    {
        "name": "facts",
        "instruction": {"en": "Pick out the complaints.", "zh": "摘出各项不适。"},
        "output": {"kind": "labels", "separator": "; "},
        "rules": {"copies_from_input": True},
    }
)
NOTE = Task.model_validate({"name": "note", "instruction": {"en": "Write a short note."}, "output": {"kind": "text"}})
GRADE = Task.model_validate(
    {"name": "grade", "instruction": {"en": "Grade the pain."}, "output": {"kind": "number", "minimum": 0, "maximum": 10}}
)
CALL = "My chest has been hurting badly since 7 this morning and I am sweating, what should I do about it?"
CALL_ZH = "我从早上7点开始胸口疼得厉害，还一直出汗，请问现在应该怎么办才好？"
REWORDED = "Since 7 a.m. there is this awful ache behind my ribs; sweat keeps pouring off me. Tell me how to deal with that."


def row(text: str = CALL, output: str = "today please", language: Language = "en", source: str | None = "call-1") -> Example:
    return Example(input=text, output=output, language=language, source=source)


def config_of(*ways: Augmentation, share: float = 1.0, **settings: Any) -> SynthesisConfig:
    return SynthesisConfig(augmentations=list(ways), augmented_share=share, shots=0, **settings)


def made_by(play: Answers, task: Task, rows: list[Example], config: SynthesisConfig, folder: Path) -> Candidates:
    with teacher(play, folder) as (asker, _):
        return augment(asker, task, rows, config)


def reasons(made: Candidates) -> list[str]:
    return [failed.reason for failed in made.failed]
