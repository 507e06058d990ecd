"""Augmentations by a teacher who answers nonsense, or fails in all ways a server can."""

import json
from pathlib import Path

import pytest
from tests.openai_server import Answer
from tests.scripted_teacher import FAULTS, Script, scripted_teacher
from tests.unit.synthesis.augmentation_play import CALL_ZH, FACTS, GRADE, NOTE, URGENCY, opened, reasons, row, teacher

from anytasktune.schema import AUGMENTATIONS, Domain, Example, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.synthesis import augment

PACKS = Path(__file__).resolve().parents[3] / "src" / "anytasktune" / "packs"
HOSTILE: dict[str, Answer] = {
    "garbage": "I cannot do that, sorry!",
    "empty": '{"text": "", "answer": "", "change": ""}',
    "numbers": '{"text": 12, "answer": 12, "change": 12, "pieces": 3}',
    "wrong language": json.dumps({"text": "Это совсем другой текст", "answer": "Срочно", "change": "", "pieces": ["да"]}),
    "huge": json.dumps({"text": "x " * 40_000, "answer": "x" * 40_000, "change": "", "pieces": ["x"] * 9}),
    "numerals": json.dumps({"text": "万" * 300 + "9" * 300 + " thousand" * 30, "answer": None, "change": "", "pieces": []}),
    "half": '{"text": "My chest',
    "list": "[[[[1]]]]",
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("task", [URGENCY, FACTS, NOTE, GRADE], ids=lambda task: task.name)
def test_a_hostile_teacher_gives_counted_failures_and_no_exception(said: Answer, task: Task, tmp_path: Path) -> None:
    rows = [row(output="8"), row(CALL_ZH, "5", "zh")] if task is not URGENCY else [row(), row(CALL_ZH, "今天就诊", "zh")]
    config = SynthesisConfig(augmentations=list(AUGMENTATIONS), augmented_share=9)
    with teacher(lambda _: said, tmp_path) as (asker, _):
        made = augment(asker, task, rows, config)
    assert made.planned == 18
    assert {one.origin.kind for one in made.candidates} <= {"typos", "noisy_input"}
    assert all(one.reason for one in made.failed)


def test_a_teacher_with_faults_of_all_kinds_changes_no_count(tmp_path: Path) -> None:
    domain = parse_record(Domain, (PACKS / "healthcare" / "domain.yaml").read_text(encoding="utf-8"), "domain.yaml")
    task = next(task for task in domain.tasks if task.name == "symptom_recognition_and_advice")
    file = PACKS / "healthcare" / "data" / task.name / "train.jsonl"
    rows = [Example.model_validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()][::8]
    script = Script(faults=0.3, kinds=tuple(fault for fault in FAULTS if fault != "slow"))
    with scripted_teacher(script) as served:
        made = augment(
            opened(served, tmp_path), task, rows, SynthesisConfig(augmentations=list(AUGMENTATIONS), augmented_share=2)
        )
    assert made.planned == 2 * len(rows)
    assert len(set(reasons(made))) > 2
