"""Files that people and teachers add to: reviews, interviews, recordings; and what is typed in a review or an interview."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from anytasktune.cli.app import run_safely
from tests.fuzz import mutations
from tests.fuzz.scene import Content, Scene
from tests.made_project import made_rows, write_made
from tests.openai_server import KEY
from tests.scripted_teacher import scripted_teacher
from tests.tiny_project import team_rows, write_project

_SYNTH = ("synth", "team", "-p", "law", "--teacher", "scripted", "-c", "synthesis.rows=6", "-c", "synthesis.feasibility_rows=0")
_TYPED = (
    "a",
    "e",
    "r",
    "s",
    "u",
    "q",
    "?",
    "h",
    "y",
    "n",
    "1",
    "2",
    "3",
    "4",
    "5",
    "done",
    "back",
    "skip",
    "好",
    "、",
    "housing, work",
    "1-5",
    "x?, y",
)


def make(random: Random) -> Scene:
    """An input of this family."""
    kind = random.random()
    return _review(random) if kind < 0.4 else _interview(random) if kind < 0.8 else _replay(random)


@cache
def _template(write: Callable[[Path], Any]) -> dict[str, bytes]:
    """The files that `write` makes in a folder, by path."""
    with tempfile.TemporaryDirectory() as place:
        write(Path(place))
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}


def _made(folder: Path) -> None:
    write_project(folder / "law", team_rows(30))
    write_made(folder / "law", made_rows(6), made_rows(2, start=2000))


def _review(random: Random) -> Scene:
    files: dict[str, Content] = dict(_template(_made))
    candidates = [row.id for row in made_rows(6)]
    lines = []
    for _ in range(random.randint(1, 6)):
        line: Any = {
            "reviewer": "anna",
            "decision": random.choice(["accept", "edit", "reject", "skip", "undo"]),
            "candidate": random.choice(candidates),
        }
        if line["decision"] == "edit":
            line |= {"input": mutations.odd_text(random), "output": random.choice(["work", mutations.odd_text(random)])}
        if random.random() < 0.3:
            line = mutations.change_value(random, line, mutations.odd_value(random))
        lines.append(mutations.dump(line))
    data = mutations.encoded("\n".join(lines) + random.choice(["\n", "", "\n\n"]))
    name = random.choice(["anna"] * 8 + ["x" * 100, "con", "[/red]", "a b"])
    files[f"law/reviews/team/{name}.jsonl"] = mutations.mutate(random, data) if random.random() < 0.4 else data
    typed = _typed_lines(random, 12)
    show = random.choice(
        [["--agreement"], ["--reviewer", "berta"], ["--reviewer", "anna"], ["--dropped"], ["--disputed"], ["--limit", "1"]]
    )
    json_form = ["--json"] if random.random() < 0.5 else []
    commands = [["review", "team", "-p", "law", *show, *json_form], ["dataset", "show", "team", "-p", "law", *json_form]]
    return Scene("log", files, commands, typed)


def _typed_lines(random: Random, most: int) -> str:
    parts = [
        random.choice(_TYPED) if random.random() < 0.7 else mutations.odd_text(random) for _ in range(random.randint(0, most))
    ]
    return random.choice(["\n", "\n", "\r\n", "\n\n"]).join(parts) + random.choice(["\n", ""])


def _interview(random: Random) -> Scene:
    files: dict[str, Content] = {}
    if random.random() < 0.5:
        questions = ["field", "action", "steps", "kind", "labels", "more", "instruction", mutations.odd_text(random)]
        lines = [
            mutations.dump(
                mutations.change_value(
                    random, {"question": random.choice(questions), "language": "en", "answer": "x"}, mutations.odd_value(random)
                )
            )
            for _ in range(3)
        ]
        files["law/interview.jsonl"] = mutations.mutate(random, mutations.encoded("\n".join(lines) + "\n"))
    else:
        files["law"] = None
    language = random.choice(["en", "zh"])
    command = ["tasks", "propose", "--interview", "-p", "law", "--language", language]
    return Scene("log", files, [command, ["tasks", "check", "-p", "law"]], _typed_lines(random, 60))


def _recorded(folder: Path) -> None:
    """A project with a recording of one generation."""
    write_project(folder / "law", team_rows(40))
    here, before = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    try:
        with scripted_teacher() as served:
            os.environ |= {"OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": KEY}
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                run_safely([*_SYNTH, "--record", "recording.jsonl", "--json"])
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def _replay(random: Random) -> Scene:
    files: dict[str, Content] = {name: data for name, data in _template(_recorded).items() if "artifacts" not in name}
    recording = files["recording.jsonl"]
    assert isinstance(recording, bytes)
    lines = [json.loads(line) for line in recording.splitlines()]
    for line in random.sample(lines, min(len(lines), random.choice([1, 3, 100]))):
        line["answer"]["content"] = _answer(random, line["answer"]["content"])
        line["answer"]["finish"] = random.choice(["stop", "stop", "length", "content_filter"])
    data = mutations.encoded("".join(mutations.dump(line) + "\n" for line in lines))
    files["recording.jsonl"] = mutations.mutate(random, data) if random.random() < 0.3 else data
    return Scene("log", files, [[*_SYNTH, "--replay", "recording.jsonl", "--json"], ["gate", "-p", "law", "--json"]])


def _answer(random: Random, sound: str) -> str:
    kind = random.random()
    if kind < 0.4:
        return mutations.dump(mutations.change_value(random, json.loads(sound), mutations.odd_value(random)))
    if kind < 0.6:
        return f"<think>{mutations.odd_text(random)}" + random.choice(["", "</think>"]) + sound
    if kind < 0.8:
        return mutations.mutate(random, mutations.encoded(sound)).decode("utf-8", "replace")
    return mutations.odd_text(random) * random.choice([1, 1, 500])
