"""A damaged file of answers: the intact ones stay, no damaged one is used, and what was spent is never counted lower."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.bit_flips import flip_bit

from anytasktune.errors import StoreError
from anytasktune.llm.costs import Prices, Tokens
from anytasktune.llm.ledger import Caps, Ledger
from anytasktune.schema.kept_answers import TeacherAnswer

DOLLARS = Prices(prompt=140_000, answer=280_000, currency="USD")
COUNT = 40


def said(number: int) -> TeacherAnswer:
    return TeacherAnswer(model="m", content=f"answer {number} " * 20, prompt_tokens=7, answer_tokens=number)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of answers, and a request whose fate is unknown."""
    file = tmp_path_factory.mktemp("teacher") / "answers.sqlite"
    with Ledger(file) as ledger:
        for number in range(COUNT):
            reservation = ledger.reserve(f"key {number}", "m", Tokens(100, 100), DOLLARS, Caps())
            assert reservation is not None
            ledger.keep(reservation, said(number))
        ledger.reserve("open", "m", Tokens(100, 100), DOLLARS, Caps())
    return file


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(kept, tmp_path))


def change(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    connection.close()


def test_an_intact_file_is_left_alone(copied: Path) -> None:
    before = copied.read_bytes()
    with Ledger(copied) as ledger:
        assert ledger.mend() == ""
    assert copied.read_bytes() == before


def test_only_a_damaged_answer_is_dropped(copied: Path) -> None:
    content = copied.read_bytes()
    place = content.index(b"answer 17 answer 17")
    flip_bit(copied, 8 * place + 1)
    with Ledger(copied) as ledger:
        assert f"{copied}: damaged; 1 answer of the teacher lost, to be asked for again; 39 answers kept" == ledger.mend()
        assert ledger.get("key 17") is None
        assert [ledger.get(f"key {number}") for number in range(COUNT) if number != 17] == [
            said(number) for number in range(COUNT) if number != 17
        ]
        assert ledger.spent(DOLLARS).requests == COUNT + 1
        assert ledger.mend() == ""


@pytest.mark.parametrize("change_to", ["cost = 1", "cost = cost + 5000"])
def test_damage_never_makes_room_under_a_cap(copied: Path, change_to: str) -> None:
    with Ledger(copied) as ledger:
        before = ledger.spent(DOLLARS)
    change(copied, f"UPDATE spent SET {change_to}")
    with Ledger(copied) as ledger:
        assert "damaged; 0 answers" in ledger.mend()
        assert ledger.spent(DOLLARS).cost >= before.cost


@pytest.mark.parametrize("table", ["spent", "requests"])
@pytest.mark.parametrize("change_to", ["model = 'n'", "currency = 'TSD'", "currency = CAST(X'E0' AS TEXT)"])
def test_a_damaged_name_is_mended_from_the_other_table(copied: Path, table: str, change_to: str) -> None:
    with Ledger(copied) as ledger:
        before = ledger.spent(DOLLARS)
    change(
        copied, f"UPDATE {table} SET {change_to} WHERE rowid = 5" if table == "requests" else f"UPDATE spent SET {change_to}"
    )
    with Ledger(copied) as ledger:
        assert "damaged; 0 answers" in ledger.mend()
        assert ledger.spent(DOLLARS) == before
        assert ledger.mend() == ""


def test_what_is_mended_once_is_not_named_again(copied: Path) -> None:
    change(copied, "DELETE FROM requests WHERE rowid > 30")
    with Ledger(copied) as ledger:
        assert "damaged" in ledger.mend()
        assert ledger.spent(DOLLARS).requests == COUNT + 1
        assert ledger.mend() == ""


@example(place=125_176)  # a letter of the currency
@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 10**9))
def test_whatever_bit_is_damaged_no_other_answer_is_given(
    kept: Path, tmp_path_factory: pytest.TempPathFactory, place: int
) -> None:
    file = Path(shutil.copy(kept, tmp_path_factory.mktemp("damaged")))
    with Ledger(file) as ledger:
        before = ledger.spent(DOLLARS)
    flip_bit(file, place)
    try:
        with Ledger(file) as ledger:
            notice = ledger.mend()
            found = [ledger.get(f"key {number}") for number in range(COUNT)]
            after = ledger.spent(DOLLARS)
    except StoreError as error:
        assert str(file) in str(error)
        return
    lost = sum(answer is None for answer in found)
    assert [answer for answer in found if answer] == [said(number) for number in range(COUNT) if found[number]]
    assert notice or not lost
    assert (after.requests, after.cost, after.tokens.prompt) >= (before.requests, before.cost, before.tokens.prompt)


def test_a_file_of_the_version_before_gets_checksums(copied: Path) -> None:
    change(copied, "ALTER TABLE answers DROP COLUMN sha256")
    change(copied, "PRAGMA user_version = 2")
    with Ledger(copied) as ledger:
        assert ledger.get("key 3") == said(3)
        assert ledger.mend() == ""


def test_where_nobody_knows_what_was_spent_the_file_is_not_used(copied: Path) -> None:
    roots = {}
    with sqlite3.connect(copied) as connection:
        for name, page in connection.execute("SELECT name, rootpage FROM sqlite_master"):
            roots[name] = page
    connection.close()
    content = bytearray(copied.read_bytes())
    for name in ("requests", "spent"):
        content[(roots[name] - 1) * 4096 : roots[name] * 4096] = b"\xff" * 4096
    copied.write_bytes(content)
    with pytest.raises(StoreError, match=r"move answers\.sqlite away"), Ledger(copied) as ledger:
        ledger.mend()


def test_a_page_of_answers_that_is_gone_costs_no_others(copied: Path, kept: Path) -> None:
    content = bytearray(copied.read_bytes())
    page = content.index(b"answer 17 answer 17") // 4096
    content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    copied.write_bytes(content)
    with Ledger(copied) as ledger:
        assert "damaged" in ledger.mend()
        found = [ledger.get(f"key {number}") for number in range(COUNT)]
    assert found[17] is None
    assert 0 < sum(answer is None for answer in found) < COUNT / 2
