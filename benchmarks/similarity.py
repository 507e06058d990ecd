"""Time and recall of the search for duplicates among very many texts.

`python -m benchmarks.similarity`: one measurement in a process of its own, whose peak of memory is then that of the search.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

from pydantic import TypeAdapter

from anytasktune.similarity import SAME_WORDS, group_lexical, group_similar, jaccard, match_lexical, match_similar
from benchmarks.bench_tasks import BenchTask, read_tasks
from benchmarks.machine import ROOT
from benchmarks.similar_texts import heap_of

_GROUP = {"group_similar": group_similar, "group_lexical": group_lexical}
_MATCH = {"match_similar": match_similar, "match_lexical": match_lexical}
SIZES = (10_000, 100_000, 1_000_000)
_SEARCHES = {
    ("group_similar", 0.8): SIZES,
    ("group_similar", 0.6): SIZES,
    ("match_similar", 0.6): SIZES,
    ("group_lexical", SAME_WORDS): SIZES,
    ("match_lexical", SAME_WORDS): SIZES[:2],
}
_REFERENCES = 5000
_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Search:
    """One measurement: a function, a threshold, and the number of texts."""

    function: str
    threshold: float
    texts: int
    folder: str = ""
    """Of the task folders whose rows the texts are made of; empty: the demo."""


@dataclass(frozen=True)
class SearchCost:
    """One search.

    Attributes:
        seconds, processor_seconds: of the search alone.
        before_gb, peak_gb: memory of the process with the texts, and at most; 0 where the system does not tell.
        found: groups, or texts with a match.
        close: planted near copies at the threshold or above (of some looked at), measured one by one; 0 for searches by words.
        recalled: those of them that were found.
    """

    search: Search
    seconds: float
    processor_seconds: float
    before_gb: float
    peak_gb: float
    found: int
    close: int
    recalled: int


@dataclass(frozen=True)
class SameWords:
    """Pairs of train rows that say the same by their words, but not by 5-grams at 0.8; one per group of the latter."""

    task: str
    rows: int
    pairs: int
    other_answer: int


def searches(quick: bool, folder: Path | None) -> list[Search]:
    """All that are measured."""
    sizes = {key: (500,) if quick else sizes for key, sizes in _SEARCHES.items()}
    place = str(folder.resolve()) if folder else ""
    return [Search(*key, size, place) for key, chosen in sizes.items() for size in chosen]


def measure_search(search: Search) -> SearchCost:
    """In a fresh process."""
    command = [sys.executable, "-m", "benchmarks.similarity", json.dumps(asdict(search))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True)
    return TypeAdapter(SearchCost).validate_json(done.stdout.splitlines()[-1])


def _measure(search: Search) -> SearchCost:
    tasks = read_tasks(Path(search.folder) if search.folder else None)
    heap = heap_of([row.input for bench in tasks for row in bench.train], search.texts)
    before, wall, processor = _peak_gb(), time.perf_counter(), time.process_time()
    groups = _groups(search, heap.texts)
    seconds, processor_seconds, peak = time.perf_counter() - wall, time.process_time() - processor, _peak_gb()
    matching = search.function in _MATCH
    references = heap.texts[: _references(search)]
    looked_at = [(copy, origin) for copy, origin in heap.copies.items() if not matching or origin < len(references) <= copy]
    close = [pair for pair in looked_at[:_LOOKED_AT] if jaccard(*(heap.texts[place] for place in pair)) >= search.threshold]
    if matching:
        found, recalled = sum(group >= 0 for group in groups), sum(groups[copy - len(references)] >= 0 for copy, _ in close)
    else:
        found, recalled = len(set(groups)), sum(groups[copy] == groups[origin] for copy, origin in close)
    counted = (len(close), recalled) if search.function.endswith("similar") else (0, 0)
    return SearchCost(search, seconds, processor_seconds, before, peak, found, *counted)


def _references(search: Search) -> int:
    return min(_REFERENCES, search.texts // 10)


def _groups(search: Search, texts: Sequence[str]) -> list[int]:
    """The group of every text, or of every text after the references the one it matches, or -1."""
    if search.function in _GROUP:
        return _GROUP[search.function](texts, search.threshold)
    count, match = _references(search), _MATCH[search.function]
    return [-1 if found is None else found for found in match(texts[count:], texts[:count], search.threshold)]


def _peak_gb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return int(lines["VmHWM"].split()[0]) / 2**20


def measure_same_words(bench: BenchTask) -> SameWords:
    """Pairs of a task's rows that only their words call the same."""
    texts = [row.input for row in bench.train]
    near = group_similar(texts, 0.8)
    groups: dict[int, dict[int, int]] = {}
    for place, group in enumerate(group_lexical(texts)):
        groups.setdefault(group, {}).setdefault(near[place], place)
    pairs = [pair for members in groups.values() for pair in combinations(members.values(), 2)]
    other = sum(bench.train[one].output != bench.train[two].output for one, two in pairs)
    return SameWords(bench.name, len(texts), len(pairs), other)


def similarity_page(costs: Sequence[SearchCost], same_words: Sequence[SameWords]) -> str:
    """Time and memory, and what only words find."""
    parts = [
        _section("## Duplicate search: time and memory", _COSTS, _COST_HEADS, map(_cost, costs)) if costs else "",
        _section(f"### Rows that say the same by their words ({SAME_WORDS})", _PAIRS, _PAIR_HEADS, map(_pairs, same_words))
        if same_words
        else "",
    ]
    return "\n\n".join(part for part in parts if part)


_COSTS = (
    "Texts of 50 to 400 characters of pieces of real sentences, half English, half Chinese; a tenth near copies, 3% in five "
    "clusters, 5% on twenty forms. Matching: the first 5,000 (at most a tenth) are the references. Recall: planted near copies "
    "at or above the threshold that were found."
)
_COST_HEADS = ["search", "threshold", "texts", "seconds", "processor seconds", "GB with texts", "GB at most", "found", "recall"]
_PAIRS = (
    "Pairs of train rows that 5-grams at 0.8 tell apart, one per group of those. Those with another answer may be false "
    "alarms, or show that the words are not all the answer rests on."
)
_PAIR_HEADS = ["task", "rows", "pairs", "with another answer"]


def _section(title: str, how: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return f"{title}\n\n{how}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cost(cost: SearchCost) -> list[str]:
    recall = f"{cost.recalled} of {cost.close}" if cost.close else ""
    numbers = [f"{value:.1f}" for value in (cost.seconds, cost.processor_seconds)]
    memory = [f"{value:.2f}" for value in (cost.before_gb, cost.peak_gb)]
    search = cost.search
    return [search.function, str(search.threshold), f"{search.texts:,}", *numbers, *memory, f"{cost.found:,}", recall]


def _pairs(result: SameWords) -> list[str]:
    return [result.task, str(result.rows), str(result.pairs), str(result.other_answer)]


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Search(**json.loads(sys.argv[1]))))))
