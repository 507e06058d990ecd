"""The ledger of a teacher's answers and their cost, in one SQLite file: nothing is asked twice, no cap is passed.

    answers    key → what was said, with a checksum
    requests   every request that is or may be paid for: `open` (sent, and nothing known yet), `answered`, `lost`
    spent      sums of `requests` per model and currency

A request is written down at its worst case before it is sent, and at what was reported after it. One that was open when the
process died stays counted. Every change is one transaction, and so whole, however the process ends.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from anytasktune.errors import ConfigError, StoreError, counted
from anytasktune.llm.costs import Prices, Tokens
from anytasktune.llm.damaged_answers import UNREADABLE, answer_hash, is_intact, rescue
from anytasktune.schema.kept_answers import TeacherAnswer

ANSWERS_FILE = "answers.sqlite"
_FORMAT = 3
_WITHOUT_CHECKSUMS = 2
_PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
_LATELY, _FEWEST_STEPS, _PAUSE = 300, 20, 60
"""Requests whose pace is measured; fewest steps between them; seconds after which a step is a pause between commands."""
_TABLES = """
CREATE TABLE IF NOT EXISTS answers(
    key TEXT PRIMARY KEY, model TEXT NOT NULL, content TEXT NOT NULL, finish TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests(
    id INTEGER PRIMARY KEY, sent INTEGER NOT NULL, state TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL,
    currency TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, cost INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spent(
    model TEXT NOT NULL, currency TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL, cost INTEGER NOT NULL, PRIMARY KEY (model, currency)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Caps:
    """Caps on all that was ever spent; None: no limit.

    Attributes:
        tokens: prompts and answers together.
        cost: in trillionths of the currency of the prices.
    """

    tokens: int | None = None
    cost: int | None = None


@dataclass(frozen=True)
class Reservation:
    """A request that is written down, and at how much."""

    id: int
    key: str
    model: str
    prices: Prices
    worst: Tokens


@dataclass(frozen=True)
class Spent:
    """Sums of all requests, open ones at their worst case."""

    requests: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    cost: int = 0


class Ledger:
    """The open file; use it as a context. Several processes may have it open.

    Raises:
        StoreError: it is damaged, of another version, or cannot be written. So may every method.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._advising():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        run = self._connection.execute
        self._write_ahead()
        run("PRAGMA synchronous = NORMAL")  # a commit outlives the process; `checkpoint` makes it outlive the machine
        (version,) = run("PRAGMA user_version").fetchone()
        if version not in {0, _WITHOUT_CHECKSUMS, _FORMAT}:
            fix = "update anytasktune, or move the file away; its answers are then paid for again"
            raise StoreError(f"was written by another version of anytasktune (format {version})", where=str(self.file), fix=fix)
        if version == 0:
            with self._transaction():
                _make_tables(self._connection)
        if version == _WITHOUT_CHECKSUMS:
            with self._transaction():
                _add_checksums(self._connection)

    def _write_ahead(self) -> None:
        """Let readers and a writer work side by side; while another process switches to this, SQLite itself does not wait."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                    raise
            time.sleep(0.02)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._advising():
            self._connection.close()

    def mend(self) -> str:
        """Drop answers that are damaged and keep the others; a sentence on it, empty if nothing is damaged."""
        with self._advising():
            if is_intact(self._connection):
                return ""
            found = rescue(self._connection)
            with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as whole:
                _make_tables(whole)
                for table, rows in (("answers", found.answers), ("requests", found.requests), ("spent", found.spent)):
                    marks = ", ".join("?" * len(rows[0])) if rows else ""
                    whole.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names
                whole.backup(self._connection)
        lost = f"{counted(found.lost, 'answer')} of the teacher lost, to be asked for again"
        return f"{self.file}: damaged; {lost}; {counted(len(found.answers), 'answer')} kept"

    def get(self, key: str) -> TeacherAnswer | None:
        """The answer kept under `key`, if there is one."""
        with self._advising():
            row = self._connection.execute(
                "SELECT model, content, finish, prompt_tokens, answer_tokens FROM answers WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        model, content, finish, prompt, answer = row
        return TeacherAnswer(model=model, content=content, finish=finish, prompt_tokens=prompt, answer_tokens=answer)

    def holds(self, keys: Iterable[str]) -> list[bool]:
        """Which of these have an answer."""
        with self._advising():
            find = "SELECT 1 FROM answers WHERE key = ?"
            return [self._connection.execute(find, (key,)).fetchone() is not None for key in keys]

    def reserve(self, key: str, model: str, worst: Tokens, prices: Prices, caps: Caps) -> Reservation | None:
        """Write down a request at its worst case; None, and nothing is written, if a cap could be passed by it."""
        cost = prices.cost(worst)
        with self._advising(), self._transaction():
            if not self._fits(worst, cost, prices, caps):
                return None
            reservation = self._connection.execute(
                "INSERT INTO requests VALUES (NULL, ?, 'open', ?, ?, ?, ?, ?, ?)",
                (int(time.time()), key, model, prices.currency, worst.prompt, worst.answer, cost),
            ).lastrowid
            self._add(model, prices.currency, 1, worst, cost)
        return Reservation(reservation or 0, key, model, prices, worst)

    def keep(self, reservation: Reservation, answer: TeacherAnswer) -> TeacherAnswer:
        """Keep an answer, and count what was reported with it in place of the worst case.

        Returns:
            The answer that is kept: another one, if another process was faster.
        """
        used = Tokens(answer.prompt_tokens, answer.answer_tokens)
        cost = reservation.prices.cost(used)
        values = (reservation.key, answer.model, answer.content, answer.finish, used.prompt, used.answer)
        with self._advising(), self._transaction():
            first = self._connection.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, answer_hash(values))
            )
            self._connection.execute(
                "UPDATE requests SET state = 'answered', prompt_tokens = ?, answer_tokens = ?, cost = ? WHERE id = ?",
                (used.prompt, used.answer, cost, reservation.id),
            )
            worst = reservation.worst
            more = Tokens(used.prompt - worst.prompt, used.answer - worst.answer)
            self._add(reservation.model, reservation.prices.currency, 0, more, cost - reservation.prices.cost(worst))
        return answer if first.rowcount else self.get(reservation.key) or answer

    def release(self, reservation: Reservation) -> None:
        """Count a request no longer: it is certain that nothing is to be paid for it."""
        worst = reservation.worst
        with self._advising(), self._transaction():
            self._connection.execute("DELETE FROM requests WHERE id = ?", (reservation.id,))
            less = Tokens(-worst.prompt, -worst.answer)
            self._add(reservation.model, reservation.prices.currency, -1, less, -reservation.prices.cost(worst))

    def lose(self, reservation: Reservation) -> None:
        """Mark a request whose fate stays unknown; it stays counted at its worst case."""
        with self._advising():
            self._connection.execute("UPDATE requests SET state = 'lost' WHERE id = ?", (reservation.id,))

    def spent(self, prices: Prices) -> Spent:
        """Everything ever spent; where prices were not known then, at today's.

        Raises:
            ConfigError: a part of it was paid in another currency.
        """
        with self._advising():
            rows = self._connection.execute(
                "SELECT currency, requests, prompt_tokens, answer_tokens, cost FROM spent"
            ).fetchall()
        total = Spent()
        for currency, requests, prompt, answer, paid in rows:
            if currency and prices.currency and currency != prices.currency and paid:
                what = f"the teacher was paid in {currency} so far, and prices are now in {prices.currency}"
                raise ConfigError(what, where=str(self.file), fix=f"give price_in, price_out and max_cost in {currency}")
            cost = paid if currency else prices.cost(Tokens(prompt, answer))
            total = Spent(total.requests + requests, total.tokens + Tokens(prompt, answer), total.cost + cost)
        return total

    def paid_for(self, keys: Collection[str], prices: Prices) -> Spent:
        """Sums of the requests that gave these answers, whichever process sent them; at today's prices where none were known.

        What was lost on the way is not among them; `spent` counts it.
        """
        total = Spent()
        with self._advising():
            rows = self._connection.execute(
                "SELECT key, currency, prompt_tokens, answer_tokens, cost FROM requests WHERE state = 'answered'"
            )
            for key, currency, prompt, answer, paid in rows:
                if key in keys:
                    tokens = Tokens(prompt, answer)
                    total = Spent(
                        total.requests + 1, total.tokens + tokens, total.cost + (paid if currency else prices.cost(tokens))
                    )
        return total

    def pace(self, model: str) -> float | None:
        """Seconds per answer of this model while it was asked last; None where it was asked too little to tell."""
        with self._advising():
            found = self._connection.execute(
                "SELECT sent FROM requests WHERE state = 'answered' AND model = ? ORDER BY id DESC LIMIT ?", (model, _LATELY)
            ).fetchall()
        sent = [second for (second,) in reversed(found)]
        steps = [later - earlier for earlier, later in pairwise(sent) if later - earlier <= _PAUSE]
        return sum(steps) / len(steps) if len(steps) >= _FEWEST_STEPS and sum(steps) > 0 else None

    def checkpoint(self) -> None:
        """Bring what was committed to the disk itself, so that it outlives a crash of the machine."""
        with self._advising(), contextlib.closing(sqlite3.connect(self.file, timeout=_PATIENCE)) as own:
            own.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _fits(self, worst: Tokens, cost: int, prices: Prices, caps: Caps) -> bool:
        if caps.tokens is None and caps.cost is None:
            return True
        spent = self.spent(prices)
        tokens = spent.tokens.prompt + spent.tokens.answer + worst.prompt + worst.answer
        return (caps.tokens is None or tokens <= caps.tokens) and (caps.cost is None or spent.cost + cost <= caps.cost)

    def _add(self, model: str, currency: str, requests: int, tokens: Tokens, cost: int) -> None:
        self._connection.execute(
            "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model, currency) DO UPDATE SET "
            "requests = requests + excluded.requests, prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
            "answer_tokens = answer_tokens + excluded.answer_tokens, cost = cost + excluded.cost",
            (model, currency, requests, tokens.prompt, tokens.answer, cost),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            yield
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _advising(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, *UNREADABLE) as error:
            raise StoreError(f"cannot be used: {error}", where=str(self.file), fix=_advice(error, self.file)) from None
        except StoreError:
            raise
        except OSError as error:
            what = f"cannot be made: {error.strerror or error}"
            raise StoreError(what, where=str(self.file), fix=f"check the folder {self.file.parent}") from None


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _add_checksums(connection: sqlite3.Connection) -> None:
    """Bring a file of the version before up to date; its answers are taken as they are."""
    if connection.execute("PRAGMA user_version").fetchone() != (_WITHOUT_CHECKSUMS,):
        return  # another process was faster
    connection.execute("ALTER TABLE answers ADD COLUMN sha256 TEXT NOT NULL DEFAULT ''")
    columns = "key, model, content, finish, prompt_tokens, answer_tokens"
    rows = connection.execute(f"SELECT {columns} FROM answers").fetchall()  # noqa: S608 - our own names
    hashes = ((answer_hash(row), row[0]) for row in rows)
    connection.executemany("UPDATE answers SET sha256 = ? WHERE key = ?", hashes)
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _advice(error: Exception, file: Path) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return "the disk is full: free some space, then run the same command again"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another process is writing to it: wait until that one is done"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return f"check that you may write to {file.parent}{os.sep}"
    if name.startswith("SQLITE_IOERR"):
        return "check the disk; a network drive may lack the locks that are needed: put the project on a local one"
    return (
        f"it is damaged: move {file.name} away and run the command again; its answers are then paid for again, and what was "
        "spent so far is no longer counted, so lower max_cost and max_tokens by it"
    )
