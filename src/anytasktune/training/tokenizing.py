"""Rows as tokens, each encoded once: the tokens are cached in memory and, in a project, on disk.

One file holds the rows of one task for one tokenizer, as plain arrays::

    rows     [n]  int64    the 48 bits of each row's id
    lengths  [n]  int32    tokens of the row
    prompts  [n]  int32    how many of them are the prompt
    tokens   [Σ]  int32    all rows, one after the other
    sum      [32] uint8    SHA-256 of the four, with their types and shapes

Its name is a hash of everything else the tokens depend on. Rows that are not in it, or whose file is missing or damaged, are
tokenised, and the file is written anew with the rows that were asked for.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from anytasktune.chat import Encoded, PromptFormat
from anytasktune.errors import StoreError
from anytasktune.ids import content_id
from anytasktune.schema import Example, Task
from anytasktune.store import remove_file, write_atomic
from anytasktune.version import __version__

Encode = Callable[[Task, Sequence[Example]], Sequence[Encoded]]
"""`PromptFormat.encode_all`, or with a cache `RowEncoder.encode`."""
_SUFFIX = ".safetensors"
_KEPT_FILES = 3
_Ints = np.ndarray[tuple[int], np.dtype[np.integer]]


@dataclass(frozen=True)
class EncodedRows(Sequence[Encoded]):
    """Encoded examples in flat arrays, a tenth of the memory of lists; each becomes lists when it is read."""

    tokens: _Ints
    starts: _Ints
    lengths: _Ints
    prompts: _Ints

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> Encoded: ...
    @overload
    def __getitem__(self, index: slice) -> "EncodedRows": ...
    def __getitem__(self, index: int | slice) -> "Encoded | EncodedRows":
        if isinstance(index, slice):
            return self.at(np.arange(len(self))[index])
        start = int(self.starts[index])
        return Encoded(self.tokens[start : start + int(self.lengths[index])].tolist(), int(self.prompts[index]))

    def at(self, places: _Ints) -> "EncodedRows":
        """The rows at these places, on the same tokens."""
        return EncodedRows(self.tokens, self.starts[places], self.lengths[places], self.prompts[places])

    @classmethod
    def of(cls, rows: Sequence[Encoded]) -> "EncodedRows":
        """The same rows in arrays."""
        tokens = np.array([token for row in rows for token in row.ids], np.int32)
        lengths = np.array([len(row.ids) for row in rows], np.int32)
        return cls(tokens, _starts(lengths), lengths, np.array([row.prompt_length for row in rows], np.int32))

    def compact(self) -> "EncodedRows":
        """The same rows with the tokens of no others, in order."""
        parts = [self.tokens[start : start + length] for start, length in zip(self.starts, self.lengths, strict=True)]
        tokens = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        return EncodedRows(tokens, _starts(self.lengths), self.lengths, self.prompts)


def _starts(lengths: _Ints) -> _Ints:
    return np.cumsum(lengths, dtype=np.int64) - lengths


@dataclass
class _Table:
    """Rows of one task by id."""

    places: dict[int, int] = field(default_factory=dict)
    rows: EncodedRows = field(default_factory=lambda: EncodedRows.of([]))
    asked: set[int] = field(default_factory=set)
    """Ids of the rows that this process asked for; a file is written with these."""


class RowEncoder:
    """Encodes rows for one model, with a cache.

    Args:
        format_: renders and tokenises.
        folder: of the cache, with a folder per task; None for memory only.
        note: receives a line on a file of the cache that is damaged.
    """

    def __init__(self, format_: PromptFormat, folder: Path | None = None, note: Callable[[str], None] = lambda _: None) -> None:
        self.format = format_
        self.folder = folder
        self.note = note
        self._tables: dict[Path, _Table] = {}

    def encode(self, task: Task, rows: Sequence[Example]) -> EncodedRows:
        """The rows as `PromptFormat.encode` makes them; only rows not in the cache are tokenised."""
        key = content_id([list(task.instruction.items()), self.format.fingerprint, __version__])
        path = (self.folder or Path()) / task.name / f"{key}{_SUFFIX}"
        if path not in self._tables:
            self._tables[path] = self._read(path)
        table = self._tables[path]
        ids = [int(row.id, 16) for row in rows]
        table.asked.update(ids)
        missing = {number: row for number, row in zip(ids, rows, strict=True) if number not in table.places}
        if missing:
            self._add(table, task, missing)
            self._write(path, table)
        return table.rows.at(np.array([table.places[number] for number in ids], np.int64))

    def _add(self, table: _Table, task: Task, missing: dict[int, Example]) -> None:
        new = EncodedRows.of(self.format.encode_all(task, list(missing.values())))
        kept = [number for number in table.places if number in table.asked]
        old = table.rows.at(np.array([table.places[number] for number in kept], np.int64)).compact()
        lengths, prompts = np.concatenate([old.lengths, new.lengths]), np.concatenate([old.prompts, new.prompts])
        table.rows = EncodedRows(np.concatenate([old.tokens, new.tokens]), _starts(lengths), lengths, prompts)
        table.places = {number: place for place, number in enumerate([*kept, *missing])}

    def _read(self, path: Path) -> _Table:
        if self.folder is None or not path.exists():
            return _Table()
        try:
            arrays = load(path.read_bytes())
            rows, lengths, prompts, tokens = (arrays[name] for name in ("rows", "lengths", "prompts", "tokens"))
            intact = arrays["sum"].tobytes() == _sum(rows, lengths, prompts, tokens)
        except (OSError, SafetensorError, KeyError, ValueError):
            intact = False
        if not intact:
            self.note(f"{path}: the content does not match its checksum; the rows are tokenised anew")
            return _Table()
        places = {number: place for place, number in enumerate(rows.tolist())}
        return _Table(places, EncodedRows(tokens, _starts(lengths), lengths, prompts))

    def _write(self, path: Path, table: _Table) -> None:
        if self.folder is None:
            return
        part = table.rows
        ids = np.array(list(table.places), np.int64)
        sum_ = np.frombuffer(_sum(ids, part.lengths, part.prompts, part.tokens), np.uint8)
        arrays = {"rows": ids, "lengths": part.lengths, "prompts": part.prompts, "tokens": part.tokens, "sum": sum_}
        with contextlib.suppress(StoreError, OSError):  # the run goes on without a cache
            write_atomic(path, save(arrays))
            files = sorted(path.parent.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
            for old in files[_KEPT_FILES:]:
                remove_file(old)


def _sum(*arrays: _Ints) -> bytes:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def encode_mixed(rows: Sequence[tuple[Task, Example]], encode: Encode) -> list[Encoded]:
    """Rows of several tasks, in their order, each task's with one call of `encode`."""
    places: dict[str, list[int]] = {}
    for place, (task, _) in enumerate(rows):
        places.setdefault(task.name, []).append(place)
    found: dict[int, Encoded] = {}
    for members in places.values():
        task = rows[members[0]][0]
        found |= zip(members, encode(task, [rows[place][1] for place in members]), strict=True)
    return [found[place] for place in range(len(rows))]
