"""A task is added to a file that a person wrote."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from anytasktune.domain_yaml import add_task
from anytasktune.outputs import LabelOutput, Rules, TextOutput
from anytasktune.packs import pack_files
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_reading import parse_record

NEW = Task(
    name="tone",
    title={"zh": "语气"},
    instruction={"zh": "判断语气：只回答“友好”或“生气” # 这不是注释", "en": "Which tone: friendly or angry?\nOne word."},
    output=LabelOutput(kind="label", labels=["yes", "no", "1", "null", "友好"]),
    rules=Rules(max_length=5),
)
HEAD = "schema_version: 1\nname: law\n"
ONE = """tasks:   # our tasks
  - name: team            # who takes it
    instruction: {en: "Which team?   ", zh: 哪个团队？}
    output: {kind: text}
"""


@pytest.mark.parametrize("start", ["tasks: []\n", "tasks:\n", "tasks: null  # none yet\n", "", "tasks: [\n]\n"])
@pytest.mark.parametrize("end", ["", "# the end\n", "description: >-\n  More.\n"])
def test_the_first_task_is_read_back_the_same(start: str, end: str) -> None:
    assert parse_record(Domain, add_task(HEAD + start + end, NEW), "domain.yaml").tasks == [NEW]


def test_all_other_lines_stay_as_they_are() -> None:
    text = HEAD + ONE + "\n# a template for later\n#  - name: mine\n"
    edited = add_task(text, NEW)
    assert edited.startswith(HEAD + ONE)
    assert edited.endswith("\n# a template for later\n#  - name: mine\n")
    assert [task.name for task in parse_record(Domain, edited, "domain.yaml").tasks] == ["team", "tone"]


@pytest.mark.parametrize("indent", ["", "  ", "      "])
def test_the_indentation_of_the_list_is_kept(indent: str) -> None:
    item = f"{indent}- name: team\n{indent}  instruction: {{en: x}}\n{indent}  output: {{kind: text}}\n"
    edited = add_task(f"{HEAD}tasks:\n{item}", NEW)
    assert f"\n{indent}- name: tone\n" in edited
    assert parse_record(Domain, edited, "domain.yaml").tasks[1] == NEW


@pytest.mark.parametrize(
    "tasks",
    [
        "tasks: [{name: team, instruction: {en: x}, output: {kind: text}}]\n",
        "tasks:\n  - name: team\n    output: {kind: text}\n    instruction:\n      en: |\n        x\n        # no comment\n",
        "'tasks':\n  - {name: team, instruction: {en: x}, output: {kind: text}}\n",
    ],
)
def test_unusual_layouts_are_read_back_right_too(tasks: str) -> None:
    before = parse_record(Domain, HEAD + tasks, "domain.yaml").tasks
    assert parse_record(Domain, add_task(HEAD + tasks, NEW), "domain.yaml").tasks == [*before, NEW]


def test_windows_line_ends_stay() -> None:
    edited = add_task((HEAD + ONE).replace("\n", "\r\n"), NEW)
    assert edited.count("\n") == edited.count("\r\n")
    assert parse_record(Domain, edited, "domain.yaml").tasks[1] == NEW


def test_the_skeleton_takes_tasks_and_keeps_its_remarks() -> None:
    text = pack_files("empty")["domain.yaml"].decode()
    edited = add_task(add_task(text, NEW), NEW.model_copy(update={"name": "another"}))
    assert {line for line in text.splitlines() if line.startswith("#")} <= set(edited.splitlines())
    assert [task.name for task in parse_record(Domain, edited, "domain.yaml").tasks] == ["tone", "another"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), min_size=1).filter(str.strip))
def test_any_instruction_is_read_back_the_same(instruction: str) -> None:
    task = Task(name="some", instruction={"en": instruction}, output=TextOutput(kind="text"))
    assert parse_record(Domain, add_task(HEAD + ONE, task), "domain.yaml").tasks[1] == task


ODD = [*"#%@`|>~", "?0", "- a", ": x", "!t", "&a", "*a", "null", "1e3", "a\tb", "\x85", "🙂", "：，", "x" * 999]
WORDS = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cn"]), min_size=1, max_size=40)
FILES = [HEAD + ONE, HEAD + "tasks: []\n", pack_files("empty")["domain.yaml"].decode()]


@given(st.lists(WORDS, min_size=7, max_size=7), st.sampled_from(FILES))
@example(["?0", "- a", ": x", "#", "%", "@", "\t"], HEAD + "tasks: []\n")
def test_any_text_of_a_task_is_read_back_the_same_or_refused_before(words: list[str], text: str) -> None:
    title, instruction, first, second, limits, done_by, hands_over = words
    try:
        task = Task(
            name="some",
            title={"en": title},
            instruction={"en": instruction},
            output=LabelOutput(kind="label", labels=[first, second]),
            limits={"zh": limits},
            done_by={"en": done_by},
            hands_over={"en": hands_over},
        )
    except ValidationError:
        assume(False)
    assert parse_record(Domain, add_task(text, task), "domain.yaml").task("some") == task
