"""Which columns hold the input and the output. Asked for, never guessed."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from anytasktune.errors import ConfigError, DataError, Problem

_ASSIGNMENTS = re.compile(r"[,，]\s*(?=(?:input|output|language|source)\s*[=＝])")
_USUAL_INPUTS = (
    *("input", "question", "query", "prompt", "text", "sentence", "content", "document", "source_text", "instruction"),
    *("输入", "问题", "文本", "提问", "内容", "原文", "句子"),
)
_USUAL_OUTPUTS = (
    *("output", "answer", "label", "response", "completion", "target", "reply", "category", "summary", "result"),
    *("输出", "答案", "标签", "回答", "类别", "回复", "结果", "摘要"),
)


@dataclass(frozen=True)
class ColumnMap:
    """Which columns to read.

    Attributes:
        input: the input's column, or several joined by `+` ("instruction+input"): their texts are put together in this
            order with an empty line between them.
        output: the output's column.
        language: the column that says "en" or "zh"; None: there is none.
        source: the column that names what a row was taken from; None: there is none.
    """

    input: str
    output: str
    language: str | None = None
    source: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ColumnMap":
        """Read `input=QUESTION,output=ANSWER[,language=...][,source=...]`.

        Raises:
            ConfigError: another key, a repeated key, or no input or output.
        """
        known = [field.name for field in fields(cls)]
        pairs = [[part.strip() for part in [*re.split("[=＝]", item, maxsplit=1), ""][:2]] for item in _ASSIGNMENTS.split(text)]
        names = [name for name, _ in pairs]
        wrong = [name for name, column in pairs if name not in known or not column or names.count(name) > 1]
        if wrong or not {"input", "output"} <= set(names):
            fix = "write --columns input=COLUMN,output=COLUMN (and, if there are any, language=COLUMN,source=COLUMN)"
            raise ConfigError(f"cannot read the columns in {text!r}", where="--columns", fix=fix)
        return cls(**dict(pairs))

    def input_columns(self, found: Iterable[str]) -> tuple[str, ...]:
        """The columns of the input, see `joined_columns`."""
        return joined_columns(self.input, found)

    def require_in(self, found: list[str], path: Path) -> None:
        """Raise DataError unless the file has all the columns."""
        asked = [*self.input_columns(found), self.output, self.language, self.source]
        missing = [name for name in asked if name is not None and name not in found]
        if missing:
            raise DataError([_unknown_column(name, found, path) for name in missing])


def joined_columns(text: str, found: Iterable[str]) -> tuple[str, ...]:
    """Columns joined by `+`; a `+` that belongs to the name of an existing column joins nothing."""
    return (text,) if text in set(found) else tuple(part.strip() for part in text.split("+"))


def input_columns(text: str | None, found: list[str], path: Path) -> tuple[str, ...]:
    """The columns of inputs to be answered: the named ones, else `input`; DataError unless the file has them."""
    if text is None and "input" not in found:
        what = f"no `input` in it; the columns are: {', '.join(found) or 'none'}"
        raise DataError(what, where=str(path), fix=f"say which holds the input: --input {_nearest(_USUAL_INPUTS, found, '')}")
    asked = joined_columns(text or "input", found)
    if missing := [name for name in asked if name not in found]:
        raise DataError([_unknown_column(name, found, path) for name in missing])
    return asked


def suggest_columns(found: list[str]) -> ColumnMap | None:
    """The columns that are likely meant by their names, for a person to confirm; None if no two look like it."""
    likely_input = _nearest(_USUAL_INPUTS, found, "")
    likely_output = _nearest(_USUAL_OUTPUTS, found, likely_input)
    if likely_input not in found or likely_output not in found:
        return None
    return ColumnMap(likely_input, likely_output, *(name if name in found else None for name in ("language", "source")))


def no_known_columns(path: Path, found: list[str]) -> DataError:
    """The error for a file in no known format, with the option that would make it readable."""
    option = f"--columns input={_nearest(_USUAL_INPUTS, found, '')}"
    option += f",output={_nearest(_USUAL_OUTPUTS, found, option.partition('input=')[2])}"
    what = f"no `input` and `output` in it; the columns are: {', '.join(found) or 'none'}"
    return DataError(what, where=str(path), fix=f"say which to use: {option}")


def _unknown_column(name: str, found: list[str], path: Path) -> Problem:
    close = difflib.get_close_matches(name, found, n=1, cutoff=0.5)
    fix = f"did you mean {close[0]!r}?" if close else f"the columns are: {', '.join(found)}"
    return Problem(f"there is no column {name!r}", where=str(path), fix=fix)


def _nearest(usual: tuple[str, ...], found: list[str], taken: str) -> str:
    """The column that is most likely meant, or COLUMN if none looks like it."""
    free = {name.casefold(): name for name in found if name != taken}
    alike = (
        *(name for word in usual for name in free if name == word),
        *(name for word in usual for name in free if word in name),
        *(close for word in usual for close in difflib.get_close_matches(word, free, n=1, cutoff=0.7)),
    )
    return free[alike[0]] if alike else "COLUMN"
