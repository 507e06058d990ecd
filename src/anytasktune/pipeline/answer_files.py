"""Files of inputs to be answered, and the files their answers go to: the same rows with columns added."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.datasets.read_inputs import InputFile, InputRow
from anytasktune.datasets.read_rows import require_readable
from anytasktune.datasets.write_tables import known_ending, table_bytes
from anytasktune.errors import DataError
from anytasktune.schema import DroppedRow, TaskAnswer
from anytasktune.store import exporting, require_own, write_atomic

ADDED = ("answer", "probability", "unsure", "violations", "not_answered")
"""The columns that are added."""
_AS_JSON = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True)
class AnsweredRow:
    """A row of a file with its answer, or the reason why it has none."""

    row: InputRow
    answer: TaskAnswer | DroppedRow


def require_places(source: Path, out: Path, *, force: bool = False) -> None:
    """Raise an error, before anything is answered, where `source` cannot be read or `out` could not be written later.

    Raises:
        DataError: files of such endings cannot be read or written, there is no `source`, or both are one file.
        StoreError: a file that this program did not write stands there.
    """
    require_readable(source)
    known_ending(out)
    if out.exists() and out.samefile(source):
        raise DataError("the rows are read from this file", where=str(out), fix="give another file with --out")
    require_own(out, force=force)


def added_columns(columns: Iterable[str]) -> dict[str, str]:
    """Added column → its name in a file with these columns: the same, or with `predicted_` where one of them is taken."""
    taken, prefix = set(columns), ""
    while any(prefix + name in taken for name in ADDED):
        prefix += "predicted_"
    return {name: prefix + name for name in ADDED}


def write_answers(source: InputFile, rows: Sequence[AnsweredRow], out: Path, *, force: bool = False) -> None:
    """Write all rows in their order with the added columns, in the format of the ending of `out`.

    Raises:
        DataError: the rows do not fit the format.
        StoreError: a file that this program did not write stands there, or the disk does not take it.
    """
    names = added_columns(source.columns)
    as_json = known_ending(out) in _AS_JSON
    lines = [{**row.row.fields, **_added(row.answer, names, as_json=as_json)} for row in rows]
    own_table = source.columns if source.container in {"csv", "tsv"} else ()
    content = table_bytes(out, [*source.columns, *names.values()], lines, own_table)
    with exporting(out.parent, force=force) as staged:
        write_atomic(staged / out.name, content)


def _added(answer: TaskAnswer | DroppedRow, names: Mapping[str, str], *, as_json: bool) -> dict[str, Any]:
    if isinstance(answer, DroppedRow):
        values: tuple[Any, ...] = (None, None, None, None, f"{answer.reason}: {answer.detail}")
    else:
        broken: Any = [one.model_dump() for one in answer.violations]
        if not as_json:
            broken = "; ".join(f"{one.rule}: {one.what}" for one in answer.violations) or None
        values = (answer.answer, answer.probability, answer.unsure, broken, None)
    return {names[name]: value for name, value in zip(ADDED, values, strict=True)}
