"""Changes to YAML that a person wrote: comments, order and layout stay, and whatever is written is read back as it was."""

import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.emitter import Emitter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, FoldedScalarString

ONE_LINE = 100
"""Characters up to which a list or a mapping stands on one line."""
_LONG_TEXT = 90
_WIDTH = 120
_OFFSET = 2
"""Columns before the dash of an item."""
_EMPTY_LIST = re.compile(r"^(\w+):[ \t]*(?:\[\s*\]|null|~)(?=[ \t]*(?:#|$))")
# the emitter leaves a `?` or `:` at the start plain, which the reader takes for a key between brackets; and it breaks lines at
# characters that the reader makes spaces of
_NEEDS_QUOTES = re.compile(r"^[?:]|[\x85\u2028\u2029]")


class _WholeTexts(Emitter):
    """Writes keys and texts in double quotes on one line: where the library breaks them, they are read as something else."""

    def write_double_quoted(self, text: Any, split: Any = True) -> None:
        super().write_double_quoted(text, split=False)

    def write_plain(self, text: Any, split: Any = True) -> None:
        # the library breaks a plain key before a word that passes the width, whatever `split` says
        width = self.best_width
        self.best_width = width if split else sys.maxsize
        super().write_plain(text, split)
        self.best_width = width


def load_editable(text: str) -> Any:
    """YAML with its comments and layout, to be changed in place."""
    return _round_trip_yaml().load(text)


def dump_editable(data: Any) -> str:
    """The text of what `load_editable` gave, or of plain values."""
    stream = io.StringIO()
    _round_trip_yaml().dump(data, stream)
    return stream.getvalue()


def as_written(value: Any) -> Any:
    """A plain value as a person would write it: short lists on one line, long texts folded, whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        if _NEEDS_QUOTES.search(value):
            return DoubleQuotedScalarString(value)
        # folding and unfolding gives the same text only where words have one space between
        can_be_folded = value.isprintable() and "  " not in value and value == value.strip()
        return FoldedScalarString(value) if len(value) > _LONG_TEXT and can_be_folded else value
    if not isinstance(value, (dict, list)) or not value:
        return value
    node: Any = mapping_as_written(value) if isinstance(value, dict) else CommentedSeq(map(as_written, value))
    if len(json.dumps(value, ensure_ascii=False)) <= ONE_LINE:
        node.fa.set_flow_style()
    return node


def mapping_as_written(fields: Mapping[str, Any]) -> CommentedMap:
    """Fields with a line or more for each."""
    return CommentedMap({as_written(name): as_written(value) for name, value in fields.items()})


def append_item(text: str, key: str, fields: Mapping[str, Any], comments: Sequence[str]) -> str:
    """YAML with one more item at the end of the list under `key`; all other lines stay as they are, if that can be done.

    Args:
        comments: lines for people above the item.
    """
    plain = YAML(typ="safe", pure=True)
    wanted: Any = plain.load(text) or {}
    wanted[key] = [*(wanted.get(key) or []), fields]
    edited = _with_lines(text, key, fields, comments)
    try:
        is_right = bool(plain.load(edited) == wanted)
    except Exception:  # whatever the YAML reader finds wrong with it
        is_right = False
    # lines that look like comments may be part of a text, and items may be written in one line: then all is laid out anew
    return edited if is_right else _laid_out_anew(text, key, fields, comments)


def _with_lines(text: str, key: str, fields: Mapping[str, Any], comments: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if start is None:
        lines.append(f"{key}:")
        start = len(lines) - 1
    lines[start] = _EMPTY_LIST.sub(r"\1:", lines[start])
    place = _end_of_list(lines, start)
    column = next((line.index("-") for line in lines[start + 1 : place] if line.lstrip().startswith("- ")), _OFFSET)
    indent = " " * column
    above = [f"{indent}# {line}" for comment in comments for line in comment.splitlines()]
    if above and place > start + 1:
        above = ["", *above]
    item = dump_editable({"items": [mapping_as_written(fields)]}).splitlines()[1:]
    block = [(indent + line[_OFFSET:]).rstrip() for line in item]
    return newline.join([*lines[:place], *above, *block, *lines[place:]]) + newline


def _end_of_list(lines: list[str], start: int) -> int:
    """Behind the last line of the list that is neither blank nor a comment."""
    place = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line and not line[0].isspace() and line[0] not in "#-":
            break
        if line.strip() and not line.lstrip().startswith("#"):
            place = number + 1
    return place


def _laid_out_anew(text: str, key: str, fields: Mapping[str, Any], comments: Sequence[str]) -> str:
    data = load_editable(text)
    if not data.get(key):
        data[key] = CommentedSeq()
    items = data[key]
    items.append(as_written(fields) if items.fa.flow_style() else mapping_as_written(fields))
    if comments and not items.fa.flow_style():
        items.yaml_set_comment_before_after_key(len(items) - 1, before="\n".join(comments), indent=_OFFSET)
    return dump_editable(data)


def _round_trip_yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Emitter = _WholeTexts
    yaml.width = _WIDTH
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=_OFFSET)
    return yaml
