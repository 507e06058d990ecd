"""The README's section on use is true of every task: its commands are run for tasks of all kinds and both languages."""

import contextlib
import csv
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import QUICK, team_rows, write_project, write_rows

from anytasktune.cli.app import run_safely
from anytasktune.schema import Example

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {"README.md": "## Use it\n", "README.zh-CN.md": "## 使用训练好的模型\n"}
DOMAIN = """\
schema_version: 1
name: office
tasks:
  - {name: kind_of_letter, instruction: {zh: 属于哪一类？}, output: {kind: label, labels: [租房, 家庭, 工作]}}
  - {name: topics, instruction: {en: Name the topics.}, output: {kind: labels, separator: ", "}}
  - name: facts
    instruction: {en: Fill in the form., zh: 填表。}
    output: {kind: json, json_schema: {type: object, properties: {sum: {type: integer}}, required: [sum]}}
  - {name: amount, instruction: {en: How many?}, output: {kind: number, minimum: 0, maximum: 99}}
  - {name: reply, instruction: {en: Write a reply.}, output: {kind: text}}
"""
ANSWERS = {
    "kind_of_letter": ("租房", "家庭", "工作"),
    "topics": ("rent, pay", "rent", "school"),
    "facts": ('{"sum": 1}', '{"sum": 20}', '{"sum": 3}'),
    "amount": ("1", "25", "3"),
    "reply": ("We will call you.", "Thank you for the letter.", "Please send the contract."),
}


def rows_of(task: str) -> list[Example]:
    languages = {"kind_of_letter": ("zh",), "facts": ("en", "zh")}.get(task, ("en",))
    rows = enumerate(team_rows(24, start=1000 * list(ANSWERS).index(task)))
    return [
        row.model_copy(update={"output": ANSWERS[task][place % 3], "language": languages[place % len(languages)]})
        for place, row in rows
    ]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a trained task of every output kind, one of which speaks Chinese only."""
    model = save_tiny_model(tmp_path_factory.mktemp("model"))
    folder = write_project(tmp_path_factory.mktemp("office") / "my office", rows=[], domain=DOMAIN)
    for task in ANSWERS:
        write_rows(folder / "data" / f"{task}.jsonl", rows_of(task))
    settings = [part for setting in (f"model={model}", *QUICK) for part in ("-c", setting)]
    assert run_safely(["train", "-p", str(folder), *settings]) == 0
    return folder


def commands(readme: str) -> list[list[str]]:
    """The commands of the section on use."""
    section = (ROOT / readme).read_text(encoding="utf-8").partition(SECTIONS[readme])[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```bash\n(.*?)^```$", section, re.M | re.S)
    return [shlex.split(line)[1:] for line in block.splitlines()]


@pytest.mark.parametrize("readme", SECTIONS)
@pytest.mark.parametrize("task", ANSWERS)
def test_the_commands_of_the_section_on_use_work_for_every_task(office: Path, tmp_path: Path, readme: str, task: str) -> None:
    texts = [row.input for row in rows_of(task)[:3]]
    for verb, _, given, *options in commands(readme):
        text = texts[0]
        if verb == "predict":
            column = options[options.index("--input") + 1]
            with (ROOT / given).open(encoding="utf-8") as stream:
                assert column in next(csv.reader(stream))  # the example is as the command says
            text = str(tmp_path / "new.csv")
            with Path(text).open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([[column], *([each] for each in texts)])
        words = [verb, task, text, *(str(office) if word == "my-shop" else word for word in options)]
        output = io.StringIO()
        with contextlib.chdir(tmp_path), contextlib.redirect_stdout(output):
            assert run_safely([*words, "--json"]) == 0
        document = json.loads(output.getvalue())
        assert (document["task"], document["system"]) == (task, "tuned")
        assert verb == "predict" or isinstance(document["answer"], str)
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [next(iter(row.values())) for row in rows] == texts
    assert all(row["not_answered"] == "" for row in rows)
