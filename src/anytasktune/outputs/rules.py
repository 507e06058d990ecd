"""Rules a task sets for its answers, and the violations a program finds in one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field, model_validator

from anytasktune.errors import counted
from anytasktune.records import Language, Record, fault
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import is_in_script
from anytasktune.text.user_patterns import matches_whole, pattern_fault

MOST_ITEMS = 1_000_000
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_COUNTS = {
    "en": ("exactly {low}", "at most {high}", "{low} to {high}", "at least {low}"),
    "zh": ("正好{low}", "最多{high}", "{low}至{high}", "至少{low}"),
}


@dataclass(frozen=True)
class Violation:
    """One fault of an answer.

    Attributes:
        rule: its name in snake_case: a field of `Rules`, or a fault of form such as `unknown_label`.
        what: the fault in a sentence, for the person whose row it is.
        fix: the remedy; empty where there is only one.
        zh: the fault in a Chinese sentence, for a teacher that is to repair its answer.
    """

    rule: str
    what: str
    fix: str = ""
    zh: str = ""

    @property
    def of_form(self) -> bool:
        """Whether the answer lacks the form of its output kind, whatever the task's rules."""
        return self.rule not in Rules.model_fields

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}" if self.fix else self.what


class Rules(Record):
    """Limits that a program can check about an answer without knowing the right one."""

    min_items: int | None = Field(None, ge=0, le=MOST_ITEMS)
    """Fewest items: of a list of labels, of a JSON array, or lines of a text."""
    max_items: int | None = Field(None, ge=1, le=MOST_ITEMS)
    max_length: int | None = Field(None, ge=1, le=10 * MOST_ITEMS)
    """Most characters."""
    language: Language | None = None
    """The script the answer must be written in."""
    pattern: str | None = None
    """A regular expression (Python `re`) that must match the whole answer."""
    copies_from_input: bool = False
    """Every item, or every string inside the JSON, must stand in the input word for word."""

    @model_validator(mode="after")
    def _makes_sense(self) -> "Rules":
        if self.min_items is not None and self.max_items is not None and self.min_items > self.max_items:
            raise fault(f"min_items {self.min_items} is above max_items {self.max_items}", "min_items")
        if self.pattern is not None and (found := pattern_fault(self.pattern)):
            raise fault(found, "pattern")
        return self

    @property
    def limits_form(self) -> bool:
        """Whether something about a free answer can be checked: its size, its pattern, or where its words come from."""
        sized = self.max_items is not None or self.max_length is not None or self.pattern is not None
        return sized or self.copies_from_input

    def items_in_words(self, language: Language) -> str:
        """The number of items that is wanted, such as "2 to 4"; empty where any number is."""
        low, high = self.min_items or 0, self.max_items
        exactly, most, between, least = _COUNTS[language]
        if high is None:
            return least.format(low=low) if low > 1 else ""
        chosen = exactly if low == high else most if low <= 1 else between
        return chosen.format(low=low, high=high)

    def violations(self, text: str, items: int | None, strings: Sequence[str], source: str) -> Iterator[Violation]:
        """The rules that an answer breaks.

        Raises:
            ConfigError: matching the pattern takes too long.

        Args:
            text: the answer, without white space around it.
            items: how many items it has; None where it has none to count.
            strings: the pieces of text it is made of.
            source: the input it answers.
        """
        if items is not None and self.min_items is not None and items < self.min_items:
            what = f"{counted(items, 'item')}, at least {self.min_items} are wanted"
            yield Violation("min_items", what, zh=f"至少要有{self.min_items}项（行）。")
        if items is not None and self.max_items is not None and items > self.max_items:
            what = f"{counted(items, 'item')}, at most {self.max_items} are allowed"
            yield Violation("max_items", what, zh=f"至多只能有{self.max_items}项（行）。")
        if self.max_length is not None and len(text) > self.max_length:
            what = f"{len(text)} characters, at most {self.max_length} are allowed"
            yield Violation("max_length", what, zh=f"总共不能超过{self.max_length}个字符。")
        if self.language is not None and not is_in_script(" ".join(strings), self.language):
            what = f"the answer is not written in {_LANGUAGES[self.language]}"
            yield Violation("language", what, zh="答案使用的语言不对。")
        if self.pattern is not None and not matches_whole(self.pattern, text):
            what, zh = f"the answer does not match the pattern {self.pattern}", "答案的写法不符合要求，须匹配正则表达式 {}。"
            yield Violation("pattern", what, zh=zh.format(self.pattern))
        foreign = [string for string in strings if not occurs_in(string, source)] if self.copies_from_input else []
        for string in foreign:
            what = f"{shorten(string)!r} does not stand in the input word for word"
            zh = f"“{shorten(string)}”不是输入中的原文，请逐字照抄。"
            yield Violation("copies_from_input", what, "copy it exactly as the input has it", zh)
