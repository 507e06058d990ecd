"""Gate `length`: texts far shorter or longer than any seed, and texts that go round in circles."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from anytasktune.gates.gate import FEWEST_DATA, Finding, Job, Placed, by_language
from anytasktune.records import Language
from anytasktune.schema import Example

_RUN = re.compile(r"([^\W_])\1{23,}|(.{2,80}?)\2{5,}", re.S)
"""A character two dozen times, or a piece six times, one after the other."""
_PIECE = 4
_LETTER = re.compile(r"[^\W_]")
_FEWEST_RUNS, _SHORTEST_RUN = 6, 24
_SENTENCE = re.compile(r"[^.!?。！？；\n]{6,}")
_FEWEST_REPEATS, _REPEATED_SHARE = 4, 0.5


@dataclass(frozen=True)
class _Bounds:
    """Fewest and most characters of the seeds."""

    least: int
    most: int


def length(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers outside of what the seeds' lengths allow (with `length_factor`), or degenerate repetition.

    Where a language has fewer than ten seeds, only `shortest_input` and repetition are checked.
    """
    for language, group in by_language(items).items():
        bounds = _bounds(job, language)
        loops = _loop_check(job, language)
        for item in group:
            if found := loops(item) or _of_size(job, item, bounds):
                yield found


def _of_size(job: Job, item: Placed, bounds: dict[str, _Bounds]) -> Finding | None:
    text = item.candidate.input.strip()
    if len(text) < job.config.shortest_input:
        return Finding(item.position, True, "short_input", f"the input has {len(text)} characters", 1.0)
    found = None
    for part, limits in bounds.items():
        verdict = _against(item, part, limits, job.config.length_factor)
        if verdict is not None and verdict.drop:
            return verdict
        found = found or verdict
    return found


def _against(item: Placed, part: str, limits: _Bounds, factor: float) -> Finding | None:
    size = len((item.candidate.input if part == "input" else item.candidate.output).strip())
    if limits.least / factor <= size <= limits.most * factor and limits.least <= size <= limits.most:
        return None
    # 0 at the seeds' own extreme, 1 where the factor is reached
    over = size > limits.most
    distance = math.log(size / limits.most if over else limits.least / max(size, 1)) / math.log(factor)
    if distance <= 1:
        return Finding(item.position, False, f"unusual_{part}_length", border=round(distance, 3))
    limit = f"longest seed has {limits.most}" if over else f"shortest seed has {limits.least}"
    detail = f"the {part} has {size} characters; the {limit}, and a factor of {factor:g} is allowed"
    return Finding(item.position, True, f"{'long' if over else 'short'}_{part}", detail, max(0.0, round(2 - distance, 3)))


def _bounds(job: Job, language: Language) -> dict[str, _Bounds]:
    seeds = job.seeds_by_language.get(language, [])
    if len(seeds) < FEWEST_DATA:
        return {}
    sizes = sorted(len(seed.input.strip()) for seed in seeds)
    bounds = {"input": _Bounds(max(1, sizes[0]), max(1, sizes[-1]))}
    if any(job.pieces(seed) for seed in seeds[:FEWEST_DATA]):
        sizes = sorted(len(seed.output.strip()) for seed in seeds)
        bounds["output"] = _Bounds(max(1, sizes[0]), max(1, sizes[-1]))
    return bounds


def _loop_check(job: Job, language: Language) -> Callable[[Placed], Finding | None]:
    def texts(example: Example) -> list[str]:
        return [example.input, *(text for _, text in job.pieces(example))]

    if not job.fits_seeds(lambda seed: any(map(repeated, texts(seed))), language):
        return lambda item: None

    def check(item: Placed) -> Finding | None:
        again = next(filter(None, map(repeated, texts(item.candidate.example()))), "")
        return Finding(item.position, True, "repetition", f"it says {again!r} over and over") if again else None

    return check


def repeated(text: str) -> str:
    """What `text` repeats over and over, shortened; empty if nothing."""
    if _may_repeat(text):
        runs = (run for run in _RUN.finditer(text) if len(run.group()) >= _SHORTEST_RUN and _LETTER.search(run.group()))
        if run := next(runs, None):
            return run.group()[:40]
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    if len(sentences) < _FEWEST_REPEATS:
        return ""
    sentence, times = Counter(sentences).most_common(1)[0]
    return sentence[:40] if times >= max(_FEWEST_REPEATS, _REPEATED_SHARE * len(sentences)) else ""


def _may_repeat(text: str) -> bool:
    """Whether some four characters occur often enough; looking closer takes long."""
    if len(text) < _SHORTEST_RUN:
        return False
    return max(Counter(text[place : place + _PIECE] for place in range(len(text) - _PIECE + 1)).values()) >= _FEWEST_RUNS - 1
