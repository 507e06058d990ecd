"""The fixed texts of a report in English and Chinese, and how numbers are written in them."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.records import Language
from anytasktune.schema import GeneralModel
from anytasktune.settings.systems import general_model, is_shown_examples

TEMPLATES = Path(__file__).parent / "templates"
VERDICT_SYMBOLS = {"better": "▲", "worse": "▼", "inconclusive": "≈"}


@dataclass(frozen=True)
class Words:
    """The texts in one language.

    Attributes:
        language: of the texts.
        table: section → name → a sentence, or `{one, other}` for two grammatical numbers.
        currency: of amounts of money.
    """

    language: Language
    table: Mapping[str, Mapping[str, Any]]
    currency: str = ""

    def say(self, key: str, **values: Any) -> str:
        """The text `section.name` filled with `values`.

        `count` chooses between `one`, `two` (where there is such a text) and `other`; a `system` or `metric` is filled in by
        its name inside a sentence. The place of a general model in a section is `general`, or `general_few_shot`.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        section, _, place = key.partition(".")
        if model := general_model(place):
            place, values = "general_few_shot" if is_shown_examples(place) else "general", values | {"model": clean(model)}
        entry = self.table[section][place]
        if isinstance(entry, Mapping):
            entry = entry.get({1: "one", 2: "two"}.get(values.get("count", 0), "other"), entry["other"])
        named = {}
        if "system" in values:
            named["system"] = self.say(f"system_inline.{values['system']}")
        if "metric" in values:
            named["metric"] = self.table["metric"].get(values["metric"], values["metric"])
        return str(entry).format(**values | named)

    def number_range(self, low: int, high: int) -> str:
        """One number, or two as a range."""
        return str(low) if low == high else self.say("headline.rows_range", low=low, high=high)

    def milliseconds(self, seconds: float) -> str:
        """A length of time in whole milliseconds, at least one."""
        return self.say("unit.millisecond", milliseconds=max(1, round(seconds * 1000)))

    def money(self, amount: float) -> str:
        """An amount with its currency: two digits after the point, of a small one its first two digits, from 0.001 on."""
        text = f"{amount:,.2f}" if amount >= 0.1 or amount == 0 else f"{amount:.2g}" if amount >= 0.001 else "< 0.001"
        return f"{text} {self.currency}".rstrip()

    def energy(self, joules: float) -> str:
        """An amount of energy in joules, or in kilojoules from 1,000 on."""
        if joules < 1000:
            return self.say("unit.joule", joules=f"{joules:.0f}")
        return self.say("unit.kilojoule", kilojoules=f"{joules / 1000:,.1f}")

    def general_model(self, model: GeneralModel) -> str:
        """The name of a general model, with its size where that is known."""
        if model.parameters is None:
            return clean(model.name)
        return self.say("label.weights", name=clean(model.name), billions=f"{model.parameters / 1e9:.2g}")

    def duration(self, seconds: float) -> str:
        """A length of time in the units that matter: `20 ms`, `3.2 s`, `48 s`, `6 min 12 s`, `1 h 5 min`."""
        if 0 < seconds < 0.05:
            return self.milliseconds(seconds)
        if seconds < 9.95:
            return self.say("unit.second", seconds=f"{seconds:.1f}")
        whole = round(seconds)
        if whole < 60:
            return self.say("unit.second", seconds=whole)
        if whole < 3600:
            return self.say("unit.minute", minutes=whole // 60, seconds=whole % 60)
        return self.say("unit.hour", hours=whole // 3600, minutes=whole % 3600 // 60)


@functools.cache
def words(language: Language) -> Words:
    """The texts in `language`."""
    text = (TEMPLATES / f"words_{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text))


def clean(text: str) -> str:
    """`text` without characters that steer a terminal or turn the writing direction."""
    return "".join(char if char.isprintable() or char in "\n\t" else " " if char.isspace() else "�" for char in text.strip())


def signed(value: float, decimals: int) -> str:
    """A number with its sign, a true minus, and no sign where it rounds to zero."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def p_words(p_value: float) -> str:
    """A p value to three digits after the point with its sign, on one line: `= 0.012`, `< 0.001`."""
    return "<\u00a00.001" if p_value < 0.001 else f"=\u00a0{p_value:.3f}"
