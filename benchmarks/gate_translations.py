"""How many translated test rows the gates find, and how many rows they take for one that are none.

Found: translations made by hand, each pair both ways. Taken for one: train rows of the packs against the test rows of their own
task, both in two languages; no train row of a pack is the translation of a test row on purpose.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.gates import GateContext, run_gates
from anytasktune.gates.leakage import leak
from anytasktune.packs import pack_files, pack_names
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, Origin, Task, TextOutput
from anytasktune.settings import GateConfig

_PAIRS = Path(__file__).with_name("translations.jsonl")
_TASK = Task(name="any", instruction={"en": "Answer.", "zh": "作答。"}, output=TextOutput(kind="text"))


@dataclass(frozen=True)
class TranslationResult:
    """Translations looked for and found, and other rows.

    Attributes:
        fresh, fresh_found: of rows that nothing was tuned on.
        known, known_found: of rows that the glossary was made with.
        others: train rows of packs.
        taken: of them taken for a translation.
    """

    fresh: int
    fresh_found: int
    known: int
    known_found: int
    others: int
    taken: int


def measure_translations() -> TranslationResult:
    """All pairs and all packs."""
    pairs = [json.loads(line) for line in _PAIRS.read_text(encoding="utf-8").splitlines()]
    found = dict.fromkeys((True, False), 0)
    for ours, theirs in (("en", "zh"), ("zh", "en")):
        hits = _translated([pair[ours] for pair in pairs], [pair[theirs] for pair in pairs])
        for pair, hit in zip(pairs, hits, strict=True):
            found[pair["known"]] += hit
    known = sum(pair["known"] for pair in pairs)
    others = [_translated(train, test) for train, test in _pack_inputs()]
    return TranslationResult(
        fresh=2 * (len(pairs) - known),
        fresh_found=found[False],
        known=2 * known,
        known_found=found[True],
        others=sum(map(len, others)),
        taken=sum(map(sum, others)),
    )


def _translated(texts: Sequence[str], sealed: Sequence[str]) -> list[bool]:
    """For each text whether the gate takes it for a translation of a sealed one."""
    candidates = [Candidate(input=text, output="", language=_language(text), origin=Origin(way="seed")) for text in texts]
    test = [Example(input=text, output="", language=_language(text)) for text in sealed]
    gated = run_gates(_TASK, candidates, GateContext(test=test), GateConfig(), gates={"leak": leak})
    hits = {verdict.position for verdict in gated.verdicts if verdict.reason == "translated"}
    return [place in hits for place in range(len(texts))]


def _language(text: str) -> Language:
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def _pack_inputs() -> Iterator[tuple[list[str], list[str]]]:
    """Train and test inputs of every task of every pack."""
    for name in pack_names():
        files = pack_files(name)
        for path in sorted(path for path in files if path.endswith("/train.jsonl")):
            test = path.replace("/train.jsonl", "/test.jsonl")
            yield _inputs(files[path]), _inputs(files.get(test, b""))


def _inputs(content: bytes) -> list[str]:
    return [json.loads(line)["input"] for line in content.decode("utf-8").splitlines()]
