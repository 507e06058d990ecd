"""Projects that begin with a pack: which there are, and taking one whole or in one language."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import QUICK
from tests.unit.cli.conftest import Run

from anytasktune.domain_yaml import keep_language
from anytasktune.packs import pack_files, pack_names
from anytasktune.packs.contents import summarise
from anytasktune.pipeline import Workspace
from anytasktune.schema import Domain
from anytasktune.settings.yaml_reading import parse_record

SOURCE = Path(__file__).resolve().parents[3] / "src" / "anytasktune" / "packs"
BILINGUAL = [name for name in pack_names() if "CARD.md" in pack_files(name)]
POOL = """\
# our pool
schema_version: 1
name: shop
title: {en: Shop, zh: 商店}
limits: {en: Drafts only., zh: 仅供参考。}
actions:
  - name: talk
    steps: [mood, words]
    wiring:
      words: {only_if: {mood: [glad, 生气]}}
tasks:
  # the first thing we do
  - name: mood
    title: {en: Mood, zh: 情绪}
    instruction:
      en: >-
        Which mood? Answer glad
        or cross.
      zh: 什么情绪？只答高兴或生气。
    output: {kind: label, labels: {en: [glad, cross], zh: [高兴, 生气]}}
    hands_over: {en: the mood}
  - name: words
    instruction: {en: Copy them., zh: 照抄。}
    output: {kind: json, json_schema: {type: object, properties: {en: {type: string}, zh: {type: string}}}}
"""


def test_every_folder_with_a_domain_is_a_pack() -> None:
    assert list(pack_names()) == sorted(path.parent.name for path in SOURCE.glob("*/domain.yaml"))
    assert {"demo", "empty"} <= set(pack_names())


def test_packs_are_listed_with_what_is_in_them(run: Run) -> None:
    ended = run("packs")
    assert ended.code == 0
    assert "demo  Law · 法律\n  1 action, 3 tasks; rows: 664 en\n" in ended.out
    assert "\nempty" not in ended.out
    documents = {entry["name"]: entry for entry in run("packs", "--json").document}
    assert set(documents) == set(pack_names()) - {"empty"}
    assert documents["demo"] | {"limits": {}} == {
        "name": "demo",
        "title": {"en": "Law", "zh": "法律"},
        "actions": 1,
        "tasks": 3,
        "rows": {"en": 664},
        "limits": {},
    }


def test_a_pack_becomes_a_project_file_by_file(run: Run) -> None:
    ended = run("init", "--pack", "demo", "my firm")
    assert ended.code == 0
    assert "3 tasks with 664 en rows" in ended.out
    assert 'anytasktune tune -p "my firm"' in ended.out
    for path, content in pack_files("demo").items():
        assert Path("my firm", path).read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--pack", "dmo"], 1, "did you mean 'demo'?"),
        (["--pack", "carpentry"], 1, "known: "),
        (["--pack", "demo", "--language", "zh"], 1, "pack demo has no rows in zh"),
        (["--pack", "demo", "--demo"], 2, "exclude each other"),
        (["--language", "zh"], 2, "add --pack NAME"),
    ],
)
def test_a_pack_that_cannot_be_taken_leaves_no_folder(run: Run, arguments: list[str], code: int, words: str) -> None:
    ended = run("init", "new", *arguments)
    assert ended.code == code
    assert words in ended.err
    assert not Path("new").exists()


@pytest.mark.parametrize("pack", BILINGUAL)
def test_a_pack_in_one_language_has_no_word_of_the_other_in_rows_and_instructions(run: Run, pack: str) -> None:
    assert run("init", "--pack", pack, "--language", "zh", "chinese").code == 0
    workspace = Workspace.open("chinese")
    assert {task.languages for task in workspace.tasks()} == {("zh",)}
    lines = [line for path in Path("chinese/data").rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert len(lines) == summarise(pack).rows["zh"]
    assert {json.loads(line)["language"] for line in lines} == {"zh"}


@pytest.mark.parametrize("pack", BILINGUAL[:1])
def test_for_chinese_a_model_that_speaks_it_is_named(run: Run, pack: str) -> None:
    ended = run("init", "--pack", pack, "--language", "zh", "chinese")
    assert "settings.yaml names Qwen/Qwen3-0.6B, which speaks Chinese" in ended.out
    assert "smollm2-135m needs no hub, but speaks English" in ended.out
    assert Workspace.open("chinese").settings().train.model == "Qwen/Qwen3-0.6B"
    assert run("init", "--pack", pack, "--language", "en", "english").code == 0
    assert Workspace.open("english").settings().train.model == "smollm2-135m"


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with room for real instructions, of which it reads every Chinese character as three tokens."""
    folder = save_tiny_model(tmp_path_factory.mktemp("roomy"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8192}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("pack", "language"), [(pack, language) for pack, language in (("healthcare", "zh"), ("law", "both")) if pack in BILINGUAL]
)
def test_a_project_from_a_pack_is_tuned_as_it_stands(run: Run, roomy: Path, pack: str, language: str) -> None:
    assert run("init", "--pack", pack, "--language", language, "demo").code == 0
    own = ["max_new_tokens=160", "max_length=8192", "max_train_rows=4", "max_rows=2", "systems=[base,tuned]"]
    settings = [f"model={roomy}", *QUICK, *own]
    ended = run("tune", "-p", "demo", *(part for setting in settings for part in ("-c", setting)))
    assert ended.code == 0, ended.err
    assert "Report: " in ended.out


def test_a_pool_in_one_language_keeps_remarks_titles_and_everything_that_is_not_language() -> None:
    text = keep_language(POOL, "zh")
    domain = parse_record(Domain, text, "domain.yaml")
    mood, words = domain.tasks
    assert "# our pool" in text
    assert "# the first thing we do" in text
    assert mood.instruction == {"zh": "什么情绪？只答高兴或生气。"}
    assert mood.labels_in("zh") == ["高兴", "生气"]
    assert mood.title == {"en": "Mood", "zh": "情绪"}
    assert mood.hands_over == {"en": "the mood"}
    assert domain.limits == {"zh": "仅供参考。"}
    assert domain.actions[0].wiring["words"].only_if == {"mood": ["高兴", "生气"]}
    assert words.output == parse_record(Domain, POOL, "domain.yaml").tasks[1].output


def test_a_wheel_would_hold_every_file_of_every_pack() -> None:
    if not (SOURCE.parents[2] / ".git").exists():
        pytest.skip("not a git checkout")
    files = [str(path) for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    # the build leaves out what git ignores, and nothing else
    names = "\n".join(files).encode()
    done = subprocess.run(["git", "check-ignore", "--stdin"], input=names, capture_output=True, cwd=SOURCE, check=False)
    assert done.stdout == b""
