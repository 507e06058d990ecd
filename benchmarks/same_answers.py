"""Answers of the report, from the official client, from curl and from llama.cpp: how many are the same, row by row.

    python -m benchmarks.same_answers PROJECT [TASK ...] [--rows 50] [--quantize f16 q8_0]

The rows are the first test rows that the project's Task-LMs answered in `eval`. The `openai` client and curl ask a server of
the project (`anytasktune serve`). The GGUF file of `anytasktune export` is run in llama.cpp (xllamacpp), which generates
freely, so it is compared with the Task-LM generating freely in float32 too, to tell what the conversion changes from what a
label head, the constraint and the report's precision do. An answer that differs where the two best tokens are nearly equal is
counted as a near tie.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import OpenAI

from anytasktune.datasets.freeze import load_dataset
from anytasktune.exporting.export_source import GOLDEN_FILE
from anytasktune.exporting.parity import TOLERANCES
from anytasktune.exporting.run_copy import answers_of_llama_cpp
from anytasktune.inference.golden_prompts import MOST_GOLDEN, golden_prompts
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base, name_of
from anytasktune.pipeline import Workspace
from anytasktune.schema import Example, GoldenPrompt, GoldenPrompts, PredictionSet
from anytasktune.store import read_record
from anytasktune.store.run_folder import read_task_lm

_CLIENTS = 8


@dataclass(frozen=True)
class Reported:
    """Test rows with the answers that the report counts."""

    task: str
    folder: Path
    rows: list[Example]
    answers: list[str]


@dataclass(frozen=True)
class Compared:
    """One way to an answer, beside another one, over the same rows."""

    task: str
    way: str
    beside: str
    rows: int
    same: int
    near_ties: int = 0
    example: str = ""


def reported(workspace: Workspace, task: str, count: int) -> Reported:
    """The first rows of test and the answers of the task's Task-LM in the last evaluation."""
    project = workspace.project
    files = sorted(project.predictions(task).glob("*.json"), key=lambda file: file.stat().st_mtime)
    sets = [read_record(file, PredictionSet) for file in files]
    last = [one for one in sets if one.system == "tuned" and one.split == "test"][-1]
    examples = {row.id: row for row in load_dataset(project.datasets(task) / last.dataset).splits["test"]}
    rows = last.predictions[:count]
    adapters = (record.parent for record in project.runs(task).glob("*/adapter/task_lm.json"))
    folder = next(each for each in adapters if json.loads((each / "task_lm.json").read_text("utf-8"))["id"] == last.task_lm)
    return Reported(task, folder, [examples[row.example_id] for row in rows], [row.output for row in rows])


@contextmanager
def server_of(project: Path) -> Iterator[str]:
    """A server of the project; yields the address of its API."""
    words = [sys.executable, "-m", "anytasktune", "serve", "-p", str(project), "--port", "0", "--timeout", "3600", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines: list[str] = []
            while process.stdout is not None and (not lines or lines[-1] != "}\n"):
                lines.append(process.stdout.readline())
            yield json.loads("".join(lines))["base_url"]
        finally:
            process.terminate()


def by_client(url: str, asked: Reported) -> list[str]:
    """Answers to the official client, `_CLIENTS` requests at a time."""
    with OpenAI(base_url=url, api_key="none", timeout=3600) as client, ThreadPoolExecutor(_CLIENTS) as pool:

        def ask(row: Example) -> str:
            reply = client.chat.completions.create(
                model=asked.task,
                messages=[{"role": "user", "content": row.input}],
                extra_body={"anytasktune": {"language": row.language}} if row.language else None,
            )
            return reply.choices[0].message.content or ""

        return list(pool.map(ask, asked.rows))


def by_curl(url: str, asked: Reported) -> list[str]:
    """Answers to curl, `_CLIENTS` requests at a time."""

    def ask(row: Example) -> str:
        body: dict[str, object] = {"model": asked.task, "messages": [{"role": "user", "content": row.input}]}
        if row.language:
            body["anytasktune"] = {"language": row.language}
        words = ["curl", "-sS", f"{url}/chat/completions", "-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run(words, input=json.dumps(body).encode(), capture_output=True, check=True)
        return str(json.loads(done.stdout)["choices"][0]["message"]["content"])

    with ThreadPoolExecutor(_CLIENTS) as pool:
        return list(pool.map(ask, asked.rows))


def by_llama_cpp(project: Path, asked: Reported, golden: GoldenPrompts, number_format: str, folder: Path) -> list[str]:
    """Answers of llama.cpp from an export of the task, differences from the golden prompts accepted: they are counted here."""
    words = ["export", asked.task, "--to", "gguf", "--quantize", number_format, "--out", str(folder), "--accept-differences"]
    subprocess.run([sys.executable, "-m", "anytasktune", *words, "-p", str(project)], check=True, stdout=subprocess.DEVNULL)
    place = folder / asked.task / "gguf"
    (place / GOLDEN_FILE).write_text(golden.model_dump_json(), encoding="utf-8")
    made = answers_of_llama_cpp(place, next(place.glob("*.gguf")), None)
    shutil.rmtree(place)
    return [each.output for each in made]


def compare_task(workspace: Workspace, url: str, asked: Reported, number_formats: Sequence[str]) -> Iterator[Compared]:
    """All ways to the answers of one task."""
    yield _compared(asked.task, "openai client", "report", by_client(url, asked), asked.answers)
    yield _compared(asked.task, "curl", "report", by_curl(url, asked), asked.answers)
    base = load_base(name_of(read_task_lm(asked.folder).base_model) or "", dtype="float32")  # as `export` compares
    task_lm = TaskLM.load(asked.folder, base)
    predictor = task_lm.model(asked.task)
    chunks = [asked.rows[start : start + MOST_GOLDEN] for start in range(0, len(asked.rows), MOST_GOLDEN)]
    prompts = [prompt for chunk in chunks for prompt in golden_prompts(predictor, chunk)]
    free = [prompt.generated.output for prompt in prompts]
    yield _compared(asked.task, "Task-LM generating freely", "report", free, asked.answers)
    golden = GoldenPrompts(
        task=asked.task,
        task_lm=task_lm.manifest.id,
        max_new_tokens=task_lm.manifest.decoding[asked.task].max_new_tokens,
        prompts=prompts,
    )
    for number_format in number_formats:
        with tempfile.TemporaryDirectory() as folder:
            made = by_llama_cpp(workspace.project.root, asked, golden, number_format, Path(folder))
        way = f"GGUF {number_format} in llama.cpp"
        yield _compared(
            asked.task, way, "Task-LM generating freely", made, free, prompts, TOLERANCES[number_format].log_probability
        )
        yield _compared(asked.task, way, "report", made, asked.answers)


def _compared(
    task: str,
    way: str,
    beside: str,
    made: Sequence[str],
    expected: Sequence[str],
    prompts: Sequence[GoldenPrompt] = (),
    tolerance: float = 0.0,
) -> Compared:
    pairs = list(zip(made, expected, strict=True))
    differing = [row for row, (one, two) in enumerate(pairs) if one.strip() != two.strip()]
    near = [row for row in differing if prompts and min(prompts[row].generated.margins) <= 2 * tolerance]
    example = "{!r} for {!r}".format(*pairs[differing[0]]) if differing else ""
    return Compared(task, way, beside, len(pairs), len(pairs) - len(differing), len(near), example)


def main() -> int:
    """Read the command line, compare, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_answers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--quantize", nargs="*", default=["f16", "q8_0"])
    given = parser.parse_args()
    workspace = Workspace.open(given.project)
    sys.stdout.write("| task | answers of | the same as | of rows | differing near a tie |\n|---|---|---|---|---|\n")
    with server_of(given.project) as url:
        for task in given.tasks or [task.name for task in workspace.domain.tasks]:
            for one in compare_task(workspace, url, reported(workspace, task, given.rows), given.quantize):
                same = f"{one.same} of {one.rows}"
                sys.stdout.write(f"| {one.task} | {one.way} | {one.beside} | {same} | {one.near_ties or ''} |\n")
                if one.example:
                    sys.stderr.write(f"  {one.task}, {one.way}: {one.example[:300]}\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
