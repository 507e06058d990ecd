"""What the searches for similar texts took and found, as Markdown. Pure."""

from collections.abc import Iterable, Sequence

from anytasktune.similarity import SAME_WORDS
from benchmarks.similarity import SameWords, SearchCost


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
