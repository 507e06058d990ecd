"""What whoever uses a data set, or reads scores on it, must know; said in two languages."""

from collections.abc import Iterator, Mapping
from typing import Any

from anytasktune.datasets.dataset_facts import SplitFacts
from anytasktune.records import Language
from anytasktune.schema import DatasetManifest, SplitName, Task

FEW_TEST_ROWS, FEW_OF_A_LABEL = 50, 5
_SHOWN = 8

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "no_test": "There is no test row: nothing can be said of how good a model is.",
        "all_made": "No row in test was written by a person: scores say how well a model does what the teacher does, not more.",
        "some_made": "{made} of {rows} test rows were made by a teacher; own rows: {own}.",
        "same_documents": "Test rows come from the same documents as train rows, from other passages of them.",
        "few_test": "Test has only {rows} rows: differences of a few points are chance.",
        "no_language": "There is no test row in {language}, though the task is given in it.",
        "missing_labels": "No train row is answered {labels}.",
        "rare_labels": "Fewer than {least} train rows each are answered {labels}.",
        "unseen": "Nobody has looked at {rows} of the {made} made rows.",
    },
    "zh": {
        "no_test": "没有测试数据：无法判断模型的好坏。",
        "all_made": "测试集中没有一条是人写的：得分只说明模型与教师模型有多一致，别无其他。",
        "some_made": "{rows} 条测试数据中有 {made} 条由教师模型生成，自有数据 {own} 条。",
        "same_documents": "测试数据与训练数据出自同样的文档，只是段落不同。",
        "few_test": "测试集只有 {rows} 条：几个百分点的差别可能只是偶然。",
        "no_language": "任务有{language}说明，但测试集中没有{language}数据。",
        "missing_labels": "训练集中没有答案为{labels}的数据。",
        "rare_labels": "训练集中答案为{labels}的数据各不足 {least} 条。",
        "unseen": "{made} 条生成数据中有 {rows} 条没有人看过。",
    },
}
_LANGUAGES: dict[Language, dict[Language, str]] = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英文", "zh": "中文"}}


def cautions(
    task: Task, manifest: DatasetManifest, facts: Mapping[SplitName, SplitFacts], language: Language = "en"
) -> list[str]:
    """Sentences, the gravest first; empty for a data set there is nothing to say against."""
    found = [*_about_test(task, manifest, facts, language), *_about_train(task, facts), *_about_made(manifest)]
    separator = {"en": ", ", "zh": "、"}[language]
    return [_WORDS[language][code].format(**_in_words(values, separator)) for code, values in found]


def _in_words(values: Mapping[str, Any], separator: str) -> dict[str, Any]:
    return {name: separator.join(value) if isinstance(value, list) else value for name, value in values.items()}


def _about_test(
    task: Task, manifest: DatasetManifest, facts: Mapping[SplitName, SplitFacts], language: Language
) -> Iterator[tuple[str, dict[str, Any]]]:
    test = facts.get("test")
    if test is None or not test.rows:
        yield "no_test", {}
        return
    made = manifest.generated_in("test")
    if made:
        yield ("all_made" if made == test.rows else "some_made"), {"made": made, "rows": test.rows, "own": test.rows - made}
    if made and manifest.generated and manifest.generated.split_by == "passage":
        yield "same_documents", {}
    if test.rows < FEW_TEST_ROWS:
        yield "few_test", {"rows": test.rows}
    for spoken in (spoken for spoken in task.languages if not test.languages.get(spoken)):
        yield "no_language", {"language": _LANGUAGES[language][spoken]}


def _about_train(task: Task, facts: Mapping[SplitName, SplitFacts]) -> Iterator[tuple[str, dict[str, Any]]]:
    train = facts.get("train")
    if train is None:
        return
    known = dict.fromkeys(label for spoken in train.languages for label in task.labels_in(_language(spoken)) or ())
    missing = [label for label in known if not train.labels.get(label)]
    rare = [label for label in known if 0 < train.labels.get(label, 0) < FEW_OF_A_LABEL]
    if missing:
        yield "missing_labels", {"labels": _some(missing)}
    if rare:
        yield "rare_labels", {"labels": _some(rare), "least": FEW_OF_A_LABEL}


def _language(spoken: str) -> Language:
    return "zh" if spoken == "zh" else "en"


def _some(labels: list[str]) -> list[str]:
    return labels if len(labels) <= _SHOWN else [*labels[:_SHOWN], f"… (+{len(labels) - _SHOWN})"]


def _about_made(manifest: DatasetManifest) -> Iterator[tuple[str, dict[str, Any]]]:
    made = manifest.generated
    if made and (unseen := made.decisions.get("unseen", 0)):
        yield "unseen", {"rows": min(unseen, sum(made.rows.values())), "made": sum(made.rows.values())}
