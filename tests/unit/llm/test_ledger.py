"""The file in which answers are kept and counted: exact, whole, and plain about what is wrong with it."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.errors import ConfigError, StoreError
from anytasktune.llm.costs import Prices, Tokens
from anytasktune.llm.ledger import Caps, Ledger
from anytasktune.schema.kept_answers import TeacherAnswer

FREE = Prices()
DOLLARS = Prices(prompt=140_000, answer=280_000, currency="USD")


def said(tokens: Tokens, content: str = "{}") -> TeacherAnswer:
    return TeacherAnswer(model="m", content=content, prompt_tokens=tokens.prompt, answer_tokens=tokens.answer)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "teacher" / "answers.sqlite"


def test_an_answer_is_given_back_as_it_was(file: Path) -> None:
    answer = TeacherAnswer(model="m", content='{"文": "\x00 “q”"}', finish="length", prompt_tokens=3, answer_tokens=5)
    with Ledger(file) as ledger:
        reservation = ledger.reserve("k", "m", Tokens(10, 10), FREE, Caps())
        assert reservation is not None
        assert ledger.keep(reservation, answer) == answer
    with Ledger(file) as ledger:
        assert ledger.get("k") == answer
        assert ledger.get("another") is None
        assert ledger.holds(["k", "another"]) == [True, False]


def test_the_first_of_two_answers_stays_and_both_are_paid(file: Path) -> None:
    with Ledger(file) as one, Ledger(file) as other:
        reservations = [ledger.reserve("k", "m", Tokens(10, 10), FREE, Caps()) for ledger in (one, other)]
        assert reservations[0] is not None
        assert reservations[1] is not None
        first = one.keep(reservations[0], said(Tokens(1, 2), "first"))
        assert other.keep(reservations[1], said(Tokens(3, 4), "second")) == first
        assert other.spent(FREE).tokens == Tokens(4, 6)


tokens = st.builds(Tokens, st.integers(0, 400), st.integers(0, 400))
steps = st.tuples(tokens, st.sampled_from(["keep", "release", "lose", "kill"]), st.integers(0, 100))


@settings(max_examples=25, deadline=None)
@given(asked=st.lists(steps, max_size=10), cap=st.integers(0, 3000), cost=st.integers(0, 10**9))
def test_whatever_becomes_of_requests_the_caps_hold_and_the_sums_agree(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[Tokens, str, int]], cap: int, cost: int
) -> None:
    file = tmp_path_factory.mktemp("book") / "answers.sqlite"
    caps = Caps(cap, cost)
    paid = Tokens()
    for number, (worst, fate, percent) in enumerate(asked):
        with Ledger(file) as ledger:
            reservation = ledger.reserve(str(number), "m", worst, DOLLARS, caps)
            counted = ledger.spent(DOLLARS)
            assert counted.tokens.prompt + counted.tokens.answer <= cap
            assert counted.cost <= cost
            if reservation is None:
                continue
            used = Tokens(worst.prompt * percent // 100, worst.answer * percent // 100)
            if fate == "keep":
                ledger.keep(reservation, said(used))
                paid += used
            elif fate == "release":
                ledger.release(reservation)
            else:
                paid += worst
                if fate == "lose":
                    ledger.lose(reservation)
    with Ledger(file) as ledger:
        assert ledger.spent(DOLLARS).tokens == paid
        assert ledger.spent(DOLLARS).cost == DOLLARS.cost(paid)


def test_what_was_spent_before_prices_were_known_counts_at_todays(file: Path) -> None:
    with Ledger(file) as ledger:
        reservation = ledger.reserve("k", "m", Tokens(10, 10), FREE, Caps())
        assert reservation is not None
        ledger.keep(reservation, said(Tokens(5, 5)))
        assert ledger.spent(DOLLARS).cost == DOLLARS.cost(Tokens(5, 5))
        assert ledger.reserve("l", "m", Tokens(1, 1), DOLLARS, Caps(cost=DOLLARS.cost(Tokens(6, 5)))) is None
        assert ledger.reserve("l", "m", Tokens(1, 1), DOLLARS, Caps(cost=DOLLARS.cost(Tokens(6, 6)))) is not None


def test_two_currencies_are_not_added_up(file: Path) -> None:
    with Ledger(file) as ledger:
        assert ledger.reserve("k", "m", Tokens(10, 10), DOLLARS, Caps()) is not None
        with pytest.raises(ConfigError, match="paid in USD so far, and prices are now in CNY"):
            ledger.spent(Prices(1, 1, "CNY"))


def test_a_damaged_file_is_named_with_what_to_do(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        Ledger(file)
    (problem,) = caught.value.problems
    assert problem.where == str(file)
    assert "move answers.sqlite away" in problem.fix
    assert "lower max_cost" in problem.fix


def test_damage_inside_the_file_is_named_too(file: Path) -> None:
    with Ledger(file) as ledger:
        for number in range(300):
            reservation = ledger.reserve(f"{number}", "m", Tokens(10, 10), FREE, Caps())
            assert reservation is not None
            ledger.keep(reservation, said(Tokens(5, 5), "x" * 500))
    data = bytearray(file.read_bytes())
    data[4096:-4096] = b"\xff" * (len(data) - 8192)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"answers\.sqlite: cannot be used") as caught, Ledger(file) as ledger:
        for number in range(300):
            ledger.get(f"{number}")
    assert "move answers.sqlite away" in caught.value.problems[0].fix


def test_a_file_of_a_later_version_is_left_alone(file: Path) -> None:
    Ledger(file).close()
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(StoreError, match="another version"):
        Ledger(file)


def test_a_file_where_the_folder_should_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "teacher").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be made"):
        Ledger(tmp_path / "teacher" / "answers.sqlite")
    with pytest.raises(StoreError, match="unable to open"):
        Ledger(tmp_path)


def test_what_is_committed_reaches_the_disk_when_asked(file: Path) -> None:
    with Ledger(file) as ledger:
        reservation = ledger.reserve("k", "m", Tokens(10, 10), FREE, Caps())
        assert reservation is not None
        ledger.keep(reservation, said(Tokens(5, 5)))
        size = file.stat().st_size
        ledger.checkpoint()
        assert file.stat().st_size > size


def _answered(ledger: Ledger, keys: Sequence[str], prices: Prices = FREE) -> None:
    for key in keys:
        reservation = ledger.reserve(key, "m", Tokens(10, 10), prices, Caps())
        assert reservation is not None
        ledger.keep(reservation, said(Tokens(3, 4)))


def test_the_cost_of_answers_is_that_of_the_requests_that_gave_them(file: Path) -> None:
    with Ledger(file) as ledger:
        _answered(ledger, ["a", "b"], DOLLARS)
        _answered(ledger, ["c"])
        assert ledger.reserve("a", "m", Tokens(10, 10), DOLLARS, Caps()) is not None  # its fate is not known
    with Ledger(file) as ledger:
        paid = ledger.paid_for({"a", "c", "never asked"}, DOLLARS)
    each = DOLLARS.cost(Tokens(3, 4))
    assert (paid.requests, paid.tokens, paid.cost) == (2, Tokens(6, 8), 2 * each)


def test_the_pace_is_that_of_the_last_answers_without_pauses(file: Path) -> None:
    with Ledger(file) as ledger:
        assert ledger.pace("m") is None
        _answered(ledger, [str(number) for number in range(41)])
    book = sqlite3.connect(file)
    book.execute("UPDATE requests SET sent = 2 * id + 3600 * (id > 20)")
    book.commit()
    book.close()
    with Ledger(file) as ledger:
        assert ledger.pace("m") == 2.0
        assert ledger.pace("another") is None
