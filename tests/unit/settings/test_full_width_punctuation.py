"""Full-width punctuation in YAML is named with the line to write instead; where it does no harm it is left alone."""

import pytest

from anytasktune.errors import ConfigError, Problem
from anytasktune.schema import Domain
from anytasktune.settings.overrides import parse_settings
from anytasktune.settings.yaml_reading import parse_record

POOL = """\
schema_version: 1
name: law
tasks:
  - name: team
    title: {zh: 分组}
    instruction:
      zh: 判断：归哪个组，只答组名。
    output:
      kind: label
      labels: [甲, 乙]
"""
MESSAGE = "YAML needs plain punctuation, and a space after a colon"


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        parse_record(Domain, text, "domain.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("name：law", "name: law"),
        ("tasks：", "tasks:"),
        ("  － name: team", "- name: team"),
        ("    title: {zh：分组}", "title: {zh: 分组}"),
        ("    title: ｛zh: 分组｝", "title: {zh: 分组}"),
        ("      zh：判断：归哪个组，只答组名。", "zh: 判断：归哪个组，只答组名。"),
        ("      kind：label", "kind: label"),
        ("      kind:label", "kind: label"),
        ("      labels: [甲，乙]", "labels: [甲, 乙]"),
        ("      labels: [甲、乙]", "labels: [甲, 乙]"),
        ("      labels: 【甲，乙】", "labels: [甲, 乙]"),
        ("  - name: “team”", '- name: "team"'),
        ("schema_version: １", "schema_version: 1"),
    ],
)
def test_a_broken_line_is_named_with_the_line_to_write(written: str, instead: str) -> None:
    lines = POOL.splitlines()
    (number,) = [place for place, line in enumerate(lines) if line.strip() == instead.replace('"team"', "team")]
    lines[number] = written
    (problem,) = problems("\n".join(lines) + "\n")
    assert problem == Problem(f"{MESSAGE}: {written.strip()}", f"domain.yaml:{number + 1}", f"write {instead}")


def test_every_broken_line_is_named_at_once() -> None:
    named = problems(POOL.replace(": ", "：").replace(":\n", "：\n"))
    assert [problem.where for problem in named] == [f"domain.yaml:{line}" for line in range(1, 11)]


def test_indentation_with_wide_spaces_is_named() -> None:
    (problem,) = problems(POOL.replace("    output:", "　　output:"))
    assert (problem.where, problem.fix) == ("domain.yaml:8", "indent it with plain spaces")


def test_settings_are_read_in_the_same_way() -> None:
    for written in ("train：\n  epochs: 3\n", "train:\n  epochs：3\n", "split:\n  test: ０．３\n"):
        with pytest.raises(ConfigError, match=MESSAGE):
            parse_settings(written, "settings.yaml")


def test_text_that_only_looks_broken_is_not_blamed_for_another_fault() -> None:
    example = POOL.replace("zh: 判断：归哪个组，只答组名。", "zh: |\n        照样子写\n        name：客户\n        kind:个人")
    assert parse_record(Domain, example, "domain.yaml").tasks[0].name == "team"
    (problem,) = problems(example.replace("kind: label", "kind: labl"))
    assert problem.fix == "did you mean 'label'?"
    (problem,) = problems(example.replace("kind: label", "kind：label"))
    assert problem.fix == "write kind: label"


def test_a_full_width_comma_within_a_text_in_brackets_is_not_blamed_for_another_fault() -> None:
    example = POOL.replace("title: {zh: 分组}", "title: {zh: 分组，按内容}")
    assert parse_record(Domain, example, "domain.yaml").tasks[0].name == "team"
    (problem,) = problems(example.replace("kind: label", "kind: labl"))
    assert problem.fix == "did you mean 'label'?"
