"""What the documents say is true, as far as a program can tell.

Conventions of code blocks in Markdown:

    bash                    run, line by line and document by document, in an empty folder with a copy of docs/examples
    any, title="a/b.yaml"   a file, written there before the blocks below it are run
    sh                      shown only; its commands and options must exist
    python                  must compile, and import names that exist

Commands are run without a shell, by what `python -m anytasktune` calls; in this process, because loading torch anew for each
would take minutes. Where a command takes settings, `-c model=…` with a tiny model and a few more that keep it short are added
at the end of the line, where they win over everything before them.
"""

import ast
import contextlib
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.tiny_models import save_tiny_model
from typer.main import get_command

import anytasktune
from anytasktune.cli import console
from anytasktune.cli.app import app, run_safely
from anytasktune.datasets import read_examples, read_task_folder
from anytasktune.gates.run_gates import GATES
from anytasktune.models.catalog import CATALOG
from anytasktune.outputs import OUTPUT_KINDS, Metric, Rules
from anytasktune.schema import AUGMENTATIONS, JUDGE, Domain, Task
from anytasktune.settings import Settings
from anytasktune.settings.overrides import SECTIONS, parse_settings
from anytasktune.settings.yaml_reading import parse_record

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "anytasktune"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
DOMAIN_PAGE, FORMATS_PAGE = ROOT / "docs" / "domain-yaml.md", ROOT / "docs" / "data-formats.md"
DATA_PAGE, SETTINGS_PAGE = ROOT / "docs" / "making-data.md", ROOT / "docs" / "settings.md"
USING_PAGE = ROOT / "docs" / "using.md"
REPORT_PAGE, ARCHITECTURE_PAGE = ROOT / "docs" / "reading-the-report.md", ROOT / "docs" / "architecture.md"
COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
SHORT = ("max_train_rows=8", "max_dev_rows=4", "epochs=1", "max_rows=4", "max_new_tokens=8", "resamples=100", "device=cpu")
FENCE = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document; `title` is the file it stands for, empty if for none."""

    language: str
    title: str
    text: str

    @property
    def lines(self) -> list[str]:
        joined = self.text.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@dataclass(frozen=True)
class Spoken:
    """A command of a document and how it ended."""

    line: str
    code: int
    output: str


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path) -> list[Block]:
    return [Block(match["language"], match["title"] or "", match["text"]) for match in FENCE.finditer(read(document))]


def prose(document: Path) -> str:
    return FENCE.sub("", read(document))


def table(document: Path, first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column is called `first_heading`, cells without back quotes."""
    _, found, rest = prose(document).partition(f"| {first_heading} |")
    assert found, f"{document.name} has no table with a column {first_heading!r}"
    rows = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", row.strip("|"))] for row in rows]


def names_in(rows: list[list[str]]) -> list[str]:
    """The first column; a cell may hold several names."""
    return [name for row in rows for name in row[0].split(", ")]


def shown_commands(document: Path) -> Iterator[str]:
    """All commands of ours in a document that are not run: in `sh` blocks and in running text."""
    for block in blocks(document):
        if block.language == "sh":
            yield from (line for line in block.lines if line.startswith("anytasktune"))
    yield from (code for code in CODE.findall(prose(document)) if code.startswith("anytasktune "))


def options_of(words: list[str]) -> set[str]:
    """Options of the verb these words begin with, such as `tune` or `tasks check`."""
    command = COMMANDS[words[0]]
    command = getattr(command, "commands", {}).get(words[1] if len(words) > 1 else "", command)
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}


def unknown_words(command: str) -> list[str]:
    """The verb, options and settings of a command that we do not have."""
    _, *words = shlex.split(command, comments=True)
    if not words or words[0].startswith("-"):
        return [word for word in words if word not in {"--help", "-h", "--version"}]
    if words[0] not in COMMANDS:
        return words[:1]
    options = [word for word in words[1:] if word.startswith("-") and word not in options_of(words)]
    settings = [word.partition("=")[0] for before, word in pairwise(words) if before == "-c"]
    return options + [key for key in settings if key not in known_settings()]


def known_settings() -> set[str]:
    """All keys that `-c` takes: with their section, and without it where no other section has the same."""
    dotted = [(section, name) for section, record in SECTIONS.items() for name in record.model_fields]
    bare = Counter(name for _, name in dotted)
    return {f"{section}.{name}" for section, name in dotted} | {name for name, count in bare.items() if count == 1}


def run_document(document: Path, folder: Path, model: Path) -> list[Spoken]:
    """Write the files and run the commands of a document from top to bottom, until one fails."""
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    spoken: list[Spoken] = []
    for block in blocks(document):
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text, encoding="utf-8", newline="\n")
        for line in block.lines if block.language == "bash" else []:
            spoken.append(run_line(line, folder, model))
            if spoken[-1].code != 0:
                return spoken
    return spoken


def run_line(line: str, folder: Path, model: Path) -> Spoken:
    program, *words = shlex.split(line, comments=True)
    if program != "anytasktune":
        return Spoken(line, -1, "only commands of ours can be run; fence others as `sh`")
    if words[0] in COMMANDS and "-c" in options_of(words):
        words += [part for setting in (f"model={model}", *SHORT) for part in ("-c", setting)]
    output = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = run_safely(words)
    return Spoken(line, code, output.getvalue())


RUN_DOCUMENTS = [document for document in DOCUMENTS if any(block.language == "bash" for block in blocks(document))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("document", RUN_DOCUMENTS, ids=name_of)
def test_the_commands_of_a_document_work_in_their_order(document: Path, tmp_path: Path, model: Path) -> None:
    *_, last = run_document(document, tmp_path, model)
    assert last.code == 0, f"{last.line}\n{last.output}"


@pytest.mark.parametrize("line", ["anytasktune tuen", "anytasktune tune --fast", "anytasktune report -p nowhere", "make demo"])
def test_a_command_that_fails_or_does_not_exist_would_be_noticed(line: str, tmp_path: Path, model: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```bash\n{line}\nanytasktune --version\n```\n", encoding="utf-8")
    (spoken,) = run_document(page, tmp_path, model)
    assert spoken.code != 0


def test_python_runs_the_same_commands_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "anytasktune", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["anytasktune", anytasktune.__version__]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_that_are_only_shown_exist_with_their_options_and_settings(document: Path) -> None:
    assert {command: wrong for command in shown_commands(document) if (wrong := unknown_words(command))} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_settings_named_in_running_text_exist(document: Path) -> None:
    named = {key for code in CODE.findall(prose(document)) for key in re.findall(r"-c ([\w.]+)=", code)}
    assert named <= known_settings() | {"section.key"}


def test_every_verb_is_mentioned() -> None:
    text = "\n".join(map(read, DOCUMENTS))
    assert [verb for verb in COMMANDS if f"anytasktune {verb}" not in text] == []


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    shown = {
        line.split()[1]
        for document in DOCUMENTS
        for block in blocks(document)
        for line in block.lines
        if line.startswith("make ")
    }
    assert shown <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    assert [target for target in targets if not leads_somewhere(document, target)] == []


def leads_somewhere(document: Path, target: str) -> bool:
    if target.startswith("https://"):
        return True
    path, _, anchor = target.partition("#")
    page = (document.parent / path).resolve() if path else document
    return page.exists() and (not anchor or anchor in anchors(page))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_python_blocks_compile_and_import_what_exists(document: Path) -> None:
    for block in blocks(document):
        if block.language == "python":
            imports = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom)]
            ours = [node for node in imports if (node.module or "").partition(".")[0] == "anytasktune"]
            missing = [name.name for node in ours for name in node.names if name.name not in exported(node.module or "")]
            assert missing == []


def exported(module: str) -> list[str]:
    return anytasktune.__all__ if module == "anytasktune" else dir(importlib.import_module(module))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_configuration_files_in_documents_are_valid(document: Path) -> None:
    for block in blocks(document):
        if block.title.endswith("domain.yaml"):
            assert parse_record(Domain, block.text, block.title).tasks
        elif block.title.endswith("settings.yaml"):
            assert parse_settings(block.text, block.title) != Settings()


def test_sample_rows_of_every_format_are_read_as_they_stand(tmp_path: Path) -> None:
    commands = "\n".join(block.text for block in blocks(FORMATS_PAGE) if block.language == "bash")
    samples = [block for block in blocks(FORMATS_PAGE) if block.title and block.title not in commands]
    for sample in samples:
        path = tmp_path / sample.title
        path.parent.mkdir(exist_ok=True)
        path.write_text(sample.text, encoding="utf-8", newline="\n")
    found = {path.stem: read_examples(path) for path in tmp_path.iterdir() if path.suffix in {".jsonl", ".csv"}}
    assert {result.format for result in found.values()} == {"jsonl", "alpaca", "sharegpt", "messages", "csv"}
    assert [(len(result.examples), result.dropped) for result in found.values()] == [(2, [])] * len(found)
    (tmp_path / "rows.jsonl").rename(tmp_path / "train.jsonl")
    assert read_task_folder(tmp_path).task.name == "message_kind"


@pytest.mark.parametrize(("section", "record"), SECTIONS.items(), ids=SECTIONS)
def test_every_setting_is_documented_with_its_default(section: str, record: type[BaseModel]) -> None:
    documented = {row[0]: row[1] for row in table(SETTINGS_PAGE, f"`{section}:`")}
    assert list(documented) == list(record.model_fields)
    for name, default in record().model_dump().items():
        if default is None:
            assert documented[name] in {"chosen", "all", "unset"}
        else:
            words = str(default).replace("'", "")
            assert documented[name] == (words.lower() if isinstance(default, bool) else words or "none")


def test_fields_kinds_metrics_and_rules_are_documented() -> None:
    page, metrics_of_kind = read(DOMAIN_PAGE), {name: kind.metrics for name, kind in OUTPUT_KINDS.items()}
    domain, task = page.split("## Domain")[1].split("## Task")[0], page.split("## Task")[1].split("## Output")[0]
    assert re.findall(r"^\| `(\w+)`", domain, re.M) == list(Domain.model_fields)
    assert re.findall(r"^\| `(\w+)`", task, re.M) == list(Task.model_fields)
    assert {row[0]: tuple(row[2].split(", ")) for row in table(DOMAIN_PAGE, "kind")} == metrics_of_kind
    assert names_in(table(DOMAIN_PAGE, "rule")) == list(Rules.model_fields)
    judged = [(metric, kind) for kind, metrics in metrics_of_kind.items() for metric in metrics]
    kinds = {metric: ", ".join(kind for other, kind in judged if other == metric) for metric, _ in judged}
    assert {row[0]: row[1] for row in table(REPORT_PAGE, "metric")} == kinds
    assert set(kinds) == set(Metric.__args__)


def test_every_gate_and_every_enhancement_is_documented() -> None:
    assert set(names_in(table(DATA_PAGE, "gate"))) == {*GATES, JUDGE}
    told = read(DATA_PAGE).split("### Augmentations")[1].split("### Gates")[0]
    assert {way for way in AUGMENTATIONS if f"`{way}`" in told} == set(AUGMENTATIONS)


def test_every_reason_for_dropping_a_row_is_documented() -> None:
    code = "\n".join(read(path) for path in (SOURCE / "datasets").glob("*.py"))
    kinds = "\n".join(read(path) for path in (SOURCE / "outputs").glob("*.py"))
    of_form = set(re.findall(r"Violation\(\s*\"(\w+)\"", kinds)) - set(Rules.model_fields)
    leaks = set(re.findall(r"\"((?:leaks_into|occurs_in)_\w+)\"", code))
    reasons = of_form | leaks | set(re.findall(r"RowError\(\s*\"(\w+)\"", code))
    assert set(names_in(table(FORMATS_PAGE, "reason"))) == reasons


@pytest.mark.parametrize(("page", "heading"), [(USING_PAGE, "exit code"), (READMES[1], "退出码")])
def test_exit_codes_are_those_of_the_command_line(page: Path, heading: str) -> None:
    codes = [console.DONE, console.MENDABLE, console.USAGE, console.ROWS_DROPPED, console.WAITING, console.FORGOTTEN]
    codes.append(console.INTERRUPTED)
    assert [int(row[0]) for row in table(page, heading)] == codes


@pytest.mark.parametrize(("readme", "heading"), zip(READMES, ("model", "模型"), strict=True))
def test_the_models_we_name_are_those_of_the_catalogue(readme: Path, heading: str) -> None:
    words = {"English": "en", "Chinese": "zh", "英文": "en", "中文": "zh"}
    rows = [(row[0], tuple(words[word] for word in re.split("[,、] ?", row[1])), *row[2:4]) for row in table(readme, heading)]
    assert rows == [(entry.name, entry.languages, entry.parameters, entry.licence) for entry in CATALOG]


def test_rooms_and_layers_are_those_of_the_code() -> None:
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix in {"", ".py"} and not path.name.startswith("_")}
    assert set(names_in(table(ARCHITECTURE_PAGE, "room"))) == rooms
    contracts = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = "\n".join(contracts[0]["layers"]).replace("anytasktune.", "")
    assert f"```text\n{layers}\n```" in read(ARCHITECTURE_PAGE)


def test_decisions_are_short_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", read(folder / "README.md"), re.M)
    assert [file for _, file, _ in listed] == [page.name for page in pages]
    for (number, _, title), page in zip(listed, pages, strict=True):
        lines = read(page).splitlines()
        assert lines[0] == f"# {number} {title}"
        assert len(lines) <= 15


def test_the_demo_output_stands_in_one_place() -> None:
    assert re.findall(r"<!-- /?demo output -->", read(READMES[0])) == ["<!-- demo output -->", "<!-- /demo output -->"]
