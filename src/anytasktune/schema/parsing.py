"""YAML text → record, with errors that name the file, the line, the field and the nearest right word."""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from anytasktune.errors import ConfigError, Problem

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
Path_ = tuple[str | int, ...]


def parse_record(record_type: type[AnyRecord], text: str, filename: str) -> AnyRecord:
    """Read `text` as YAML and make a record of it.

    Raises:
        ConfigError: with one Problem per wrong field, each at `filename:line`.
    """
    data = _load_yaml(text, filename)
    if not isinstance(data, Mapping):
        fix = f"write fields like `name: ...`; `anytasktune schema {record_type.__name__}` lists them"
        raise ConfigError("the file holds no fields", where=filename, fix=fix)
    try:
        return record_type.model_validate(_plain(data))
    except ValidationError as error:
        raise ConfigError([_problem(record_type, data, filename, detail) for detail in error.errors()]) from None


def apply_overrides(record: AnyRecord, assignments: Iterable[str]) -> AnyRecord:
    """A copy of `record` with `key=value` assignments applied; values are read as YAML (`1e-3`, `true`, `[a, b]`).

    Raises:
        ConfigError: for an assignment without `=`, an unknown key (with the nearest right one) or a wrong value.
    """
    values = record.model_dump()
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        where = f"-c {assignment}"
        if not equals:
            raise ConfigError("no `=` in it", where=where, fix="write -c key=value, e.g. -c epochs=3")
        if key not in values:
            raise ConfigError(f"unknown setting {key!r}", where=where, fix=nearest(key, values))
        values[key] = _scalar(text)
    try:
        return type(record).model_validate(values)
    except ValidationError as error:
        raise ConfigError([Problem(detail["msg"], where=f"-c {_dotted(detail['loc'])}") for detail in error.errors()]) from None


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Advice on a misspelt word: the nearest candidate, else all of them."""
    known = sorted(candidates)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _load_yaml(text: str, filename: str) -> Any:
    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = str(error.problem or error.context or "not YAML").split("\n")[0]
        fix = "check the indentation and that text with `:` or `#` in it stands in quotes"
        raise ConfigError(what, where=f"{filename}{line}", fix=fix) from None
    except YAMLError as error:
        raise ConfigError(str(error).split("\n")[0], where=filename, fix="save the file as plain UTF-8 text") from None


def _scalar(text: str) -> Any:
    """YAML 1.2 reads `1e-3` as text; here it is a number, as everybody expects."""
    try:
        return float(text) if "e" in text.lower() else YAML(typ="safe").load(text)
    except (ValueError, YAMLError):
        return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return next((base(value) for base in (int, float, str) if isinstance(value, base)), value)


def _problem(record_type: type[BaseModel], data: Any, filename: str, detail: ErrorDetails) -> Problem:
    # a discriminated union puts the tag into the path ("output.label.labels"); the file has no such level
    path, line = _locate(data, detail["loc"])
    where = f"{filename}:{line}" if line else filename
    field = _dotted(path) or "file"
    if detail["type"] == "extra_forbidden":
        return Problem(f"unknown field {field}", where, nearest(str(path[-1]), _fields_at(record_type, path[:-1])))
    if detail["type"] == "missing":
        return Problem(f"field {field} is missing", where, f"add `{path[-1]}:`")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        message = f"needs `kind:`, one of {detail['ctx'].get('expected_tags', 'label, labels, json, number, text')}"
    return Problem(f"{field}: {message}", where)


def _locate(data: Any, loc: Path_) -> tuple[Path_, int | None]:
    """The path as it stands in the file, and the line of its deepest part that exists there."""
    path: list[str | int] = []
    line: int | None = None
    node = data
    for index, part in enumerate(loc):
        found = _line_of(node, part)
        last = index == len(loc) - 1
        if found is None and not last:
            continue
        path.append(part)
        if found is not None:
            line, node = found, node[part]
    return tuple(path), line if line is not None or not loc else 1


def _line_of(node: Any, part: str | int) -> int | None:
    if isinstance(node, CommentedMap) and part in node:
        return int(node.lc.key(part)[0]) + 1
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return int(node.lc.item(part)[0]) + 1
    return None


def _fields_at(record_type: type[BaseModel], path: Path_) -> set[str]:
    """Names of the fields a record has at `path`; all variants of a union together."""
    types_here: list[type[BaseModel]] = [record_type]
    for part in path:
        if isinstance(part, int):
            continue
        annotations = [kind.model_fields[part].annotation for kind in types_here if part in kind.model_fields]
        types_here = [inner for annotation in annotations for inner in _record_types(annotation)]
    return {name for kind in types_here for name in kind.model_fields}


def _record_types(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Union, types.UnionType, list, dict, typing.Annotated}:
        return [inner for argument in get_args(annotation) for inner in _record_types(argument)]
    return []


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in path)
