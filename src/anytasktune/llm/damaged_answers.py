"""A ledger of a teacher's answers with damaged pages or rows: what is intact is kept, since it was paid for."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anytasktune.ids import text_hash

Row = tuple[Any, ...]
_OF_ANSWERS = "key, model, content, finish, prompt_tokens, answer_tokens, sha256"
_NO_SUMS = (0, 0, 0, 0)
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""Errors of reading damaged pages: SQLite's own, and the one of Python's module on bytes that are no UTF-8."""
_MOST_FAULTS = 2_000
"""Places without a readable row after which no others are looked for."""
_SUMS = "SELECT model, currency, COUNT(*), SUM(prompt_tokens), SUM(answer_tokens), SUM(cost) FROM requests GROUP BY 1, 2"


@dataclass(frozen=True)
class Rescued:
    """The rest of a damaged ledger.

    Attributes:
        answers: the intact ones.
        lost: answers that are damaged.
    """

    answers: list[Row]
    requests: list[Row]
    spent: list[Row]
    lost: int


def answer_hash(values: Sequence[object]) -> str:
    """SHA-256 of a kept answer, of its key to its number of tokens."""
    return text_hash("\x1f".join(map(str, values)))


def is_intact(connection: sqlite3.Connection) -> bool:
    """Whether SQLite finds no fault, every answer has its checksum and the sums are those of the requests."""
    try:
        if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            return False
        answers = connection.execute(f"SELECT {_OF_ANSWERS} FROM answers")  # noqa: S608 - our own names
        if any(answer_hash(values) != sha256 for *values, sha256 in answers):
            return False
        spent = connection.execute("SELECT * FROM spent WHERE requests > 0").fetchall()
        return sorted(spent, key=repr) == sorted(connection.execute(_SUMS), key=repr)
    except UNREADABLE as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR")):
            raise
        return False


def rescue(connection: sqlite3.Connection) -> Rescued:
    """Everything intact in a damaged ledger.

    Where the requests and their sums differ, the larger counts: a cap must not be passed because of damage.

    Raises:
        sqlite3.DatabaseError, UnicodeDecodeError: neither all requests nor their sums can be read, so that nobody knows what
            was spent.
    """
    every, _ = _readable(connection, "answers", _OF_ANSWERS)
    answers = [row for row in every if answer_hash(row[:-1]) == row[-1]]
    requests, complete = _readable(connection, "requests", "*")
    requests = [row for row in requests if _are_numbers(row[0], row[1], *row[6:])]
    spent: dict[Row, Row] = {}
    try:
        rows = connection.execute("SELECT * FROM spent WHERE requests > 0")
        spent = {row[:2]: row[2:] for row in rows if _are_numbers(*row[2:])}
    except UNREADABLE:
        if not complete:
            raise
    requests, spent = _reconciled(requests, spent, complete)
    paid = {row[3] for row in requests if row[2] == "answered"} - {row[0] for row in answers}
    lost = max(len(paid), len(every) - len(answers))
    return Rescued(answers, requests, [(*name, *sums) for name, sums in spent.items()], lost)


def _reconciled(requests: list[Row], spent: dict[Row, Row], complete: bool) -> tuple[list[Row], dict[Row, Row]]:
    """Requests and sums that agree again: the larger amounts of both, the difference as requests that were lost.

    A model or currency that only one of the two knows is damaged itself; its amounts stand in the other one.

    Args:
        complete: no request is missing.
    """
    counted = _sums_of(requests)
    if spent.keys() <= counted.keys():
        requests = [row for row in requests if row[4:6] in spent or not spent]
    elif complete:
        spent = {name: sums for name, sums in spent.items() if name in counted}
    counted = _sums_of(requests)
    for name in counted.keys() | spent.keys():
        count, *amounts = counted[name]
        count_then, *amounts_then = spent.get(name, _NO_SUMS)
        more = [max(0, then - now) for then, now in zip(amounts_then, amounts, strict=True)]
        missing = min(count_then - count, _MOST_FAULTS)
        if any(more) or missing > 0:
            requests.append((None, 0, "lost", "", *name, *more))
            requests += [(None, 0, "lost", "", *name, 0, 0, 0)] * (missing - 1)
    return requests, _sums_of(requests)


def _sums_of(requests: Sequence[Row]) -> dict[Row, Row]:
    """Requests, tokens of prompts and answers, and cost per model and currency."""
    sums: dict[Row, Row] = defaultdict(lambda: _NO_SUMS)
    for _, _, _, _, *name, prompt, answer, cost in requests:
        now = sums[tuple(name)]
        sums[tuple(name)] = tuple(map(sum, zip(now, (1, prompt, answer, cost), strict=True)))
    return sums


def _readable(connection: sqlite3.Connection, table: str, columns: str) -> tuple[list[Row], bool]:
    """The rows of a table, read one by one so that a damaged page costs no others, and whether there was no such page."""
    find = f"SELECT rowid, {columns} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"  # noqa: S608 - our own names
    rows: list[Row] = []
    number = faults = 0
    while faults < _MOST_FAULTS:
        try:
            found = connection.execute(find, (number,)).fetchone()
        except UNREADABLE:
            found = (number,)
        if found is None:
            break
        if found[0] > number:
            rows.append(found[1:])
            number = found[0]
        else:  # a damaged page, or one that leads back
            number, faults = number + 1, faults + 1
    return rows, not faults


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int) for value in values)
