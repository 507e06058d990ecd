"""YAML text → record, with errors that name the file, the line, the field and the nearest right word."""

import difflib
import math
import re
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning
from ruamel.yaml.reader import ReaderError

from anytasktune.errors import ConfigError, Problem
from anytasktune.invocation import command
from anytasktune.records import IN_ALL_LANGUAGES, PER_LANGUAGE
from anytasktune.settings.full_width_punctuation import broken_by_punctuation, plain

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
FieldPath = tuple[str | int, ...]
"""Keys and positions that lead from a record to a value in it."""
Advise = Callable[[FieldPath, Sequence[str]], str]
"""Path of an unknown field, names of the known ones beside it → advice; empty: the nearest of these."""

LARGEST_FILE = 5_000_000
"""Characters of a YAML file."""
MOST_VALUES = 200_000
"""Values in a YAML file."""
MOST_LEVELS = 64
"""Levels of fields and lists inside each other."""
_TOO_DEEP = f"nested more than {MOST_LEVELS} levels deep, or an alias (*) stands inside what it means"
_LARGEST_NUMBER = 10**308
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_YAML_FIX = "check the indentation, and that text with `:` or `#` in it stands in quotes"
# words in the YAML reader's message → better advice
_YAML_FIXES = {
    "duplicate key": "keep one of the two",
    "'\\t'": "indent with spaces, not with tabs",
    "another document": "the file can hold one document: remove the line `---` and what is before or after it",
    "undefined alias": "put text that begins with * into quotes",
}
# the YAML reader's words → plainer ones
_YAML_WORDS = {
    "expected <block end>": "this line is indented otherwise than those it belongs to",
    "mapping values are not allowed": "a `:` where none can stand",
    "could not find expected ':'": "the lines before this one hold no `key: value`",
}
# pydantic's ends and beginnings of sentences → plainer ones
_PLAINER = (
    (re.compile(r", unable to parse string as an? \w+$"), ""),
    (re.compile(r"^\w+ should have at (least|most) (\d+ \w+) after validation, not (\d+)$"), r"must have at \1 \2, not \3"),
    (re.compile(r"^Input should"), "must"),
    (re.compile(r"^Value error, "), ""),
)
_FIELDS_FIX = "write them as `key: value`, one per line"
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
_LANGUAGE_TEXTS = ("instruction", "title")
# pydantic's words for frequent mistakes → the user's words, and what to do
_WORDS = {
    "bool_parsing": ("must be true or false", ""),
    "dict_type": ("must hold fields", _FIELDS_FIX),
    "list_type": ("must be a list", "begin each item with `- `, or write [one, two]"),
    "model_type": ("must hold fields", _FIELDS_FIX),
    "string_pattern_mismatch": ("may hold only lower-case letters, digits and _, a letter first", "e.g. first_contact"),
    "string_type": ("must be text", "put it in quotes"),
}


def parse_record(record_type: type[AnyRecord], text: str, filename: str, advise: Advise = lambda *_: "") -> AnyRecord:
    """Read `text` as YAML and make a record of it.

    Args:
        advise: has something better to say of an unknown field than the nearest name beside it.

    Raises:
        ConfigError: with one Problem per wrong field, each at `filename:line`.
    """
    try:
        return _record_of(record_type, text, filename, advise)
    except ConfigError as error:

        def problems_of(mended: str) -> set[Problem]:
            try:
                _record_of(record_type, mended, filename, advise)
            except ConfigError as left:
                return set(left.problems)
            return set()

        raise ConfigError(broken_by_punctuation(text, filename, problems_of) or error.problems) from None


def _record_of(record_type: type[AnyRecord], text: str, filename: str, advise: Advise = lambda *_: "") -> AnyRecord:
    data = _load_yaml(text, filename)
    if data is None and not any(field.is_required() for field in record_type.model_fields.values()):
        return record_type()  # every line is a comment, and nothing has to be set
    if not isinstance(data, Mapping):
        fix = f"write fields like `name: ...`; `{command('schema', record_type.__name__)}` lists them"
        raise ConfigError("the file holds no fields", where=filename, fix=fix)
    try:
        if endless := list(_endless_numbers(data)):
            raise ConfigError([_problem_at(data, path, filename, "must be a finite number") for path in endless])
        return record_type.model_validate(_plain(data))
    except ValidationError as error:
        details = _without_echoes(error.errors())
        raise ConfigError([_problem(record_type, data, filename, detail, advise) for detail in details]) from None
    except RecursionError:
        raise ConfigError(_TOO_DEEP, where=filename) from None


def lines_of(text: str, paths: Iterable[FieldPath]) -> list[int]:
    """For each path the line of `text` (YAML that was read before) at which its deepest existing part stands."""
    data = _load_yaml(text, "")
    return [_line(data, path) for path in paths]


def parse_value(text: str, annotation: Any) -> Any:
    """One value as YAML, for a field with this annotation; a list of one needs no brackets.

    YAML 1.2 reads `1e-3` as text; here it is a number, as everybody expects.

    Raises:
        ValueError: a number that is not finite, or a value that no record can hold.
    """
    if annotation is str:
        if _HALF_CHARACTER.search(text):
            raise ValueError(f"half a character (a lone surrogate) in {text[:40]!a}")
        return text
    text = plain(text)
    try:
        loaded = float(text) if _EXPONENT.fullmatch(text) else _parsed(text, "safe")
    except Exception:  # what is no YAML is text
        loaded = text
    if found := _unusable(loaded):
        raise ValueError(found[1])
    value = _plain(loaded)
    if list(_endless_numbers(value)):
        raise ValueError("must be a finite number")
    is_list = get_origin(annotation) is list and not isinstance(value, list)
    return [part.strip() for part in text.split(",")] if is_list else value


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Advice on a misspelt word: the nearest candidate, else all of them."""
    known = sorted(candidates)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def fault_of(detail: ErrorDetails) -> tuple[FieldPath, str, str]:
    """Path to the value that an error of pydantic is about, in the file's own levels; the fault; the advice."""
    # pydantic puts the chosen kind of output, and the form of its labels, into the path ("output.label.labels.per_language");
    # the file has no such levels
    unwritten = ("[key]", IN_ALL_LANGUAGES, PER_LANGUAGE)
    loc = [part for before, part in pairwise(("", *detail["loc"])) if before != "output" and part not in unwritten]
    context = detail.get("ctx", {})
    path = (*loc, *context.get("at", ()))
    if detail["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        tags = str(context.get("expected_tags", "'label', 'labels', 'json', 'number', 'text'")).replace("'", "")
        given = str(context.get("tag", ""))
        return path, f"needs `kind:`, one of {tags}", nearest(given, tags.split(", ")) if given else ""
    if detail["input"] is None and detail["type"].endswith(("_type", "_parsing")):
        return path, "has no value", "write one, or remove the line"
    usual = detail["msg"]
    for pattern, plainer in _PLAINER:
        usual = pattern.sub(plainer, usual)
    return path, *_WORDS.get(detail["type"], (usual, ""))


def _parsed(text: str, kind: Literal["safe", "rt"]) -> Any:
    """A YAML text; an anchor that is given again holds from there on, as YAML says, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        return YAML(typ=kind).load(text)


def _load_yaml(text: str, filename: str) -> Any:
    if len(text) > LARGEST_FILE:
        what = f"the file has {len(text)} characters, at most {LARGEST_FILE} are read"
        raise ConfigError(what, where=filename, fix="put rows and long lists into data files")
    try:
        data = _parsed(text, "rt")
        if found := _unusable(data):
            path, what, fix = found
            raise ConfigError(what, where=f"{filename}:{_line(data, path)}", fix=fix)
        return data
    except ConfigError:
        raise
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = str(error.problem or error.context or "not YAML").split("\n")[0]
        fix = next((advice for words, advice in _YAML_FIXES.items() if words in what), _YAML_FIX)
        what = next((plainer for words, plainer in _YAML_WORDS.items() if words in what), what)
        raise ConfigError(what, where=f"{filename}{line}", fix=fix) from None
    except ReaderError as error:
        where = f"{filename}:{text.count(chr(10), 0, error.position) + 1}"
        what = f"a character that cannot stand in a text file: {text[error.position]!r}"
        raise ConfigError(what, where=where, fix="save the file as plain UTF-8 text") from None
    except RecursionError:
        raise ConfigError(_TOO_DEEP, where=filename, fix="close the brackets that were opened") from None
    except Exception as error:  # on odd keys and numbers the reader fails in ways of its own
        what = f"not YAML: {str(error)[:200]}".splitlines()[0]
        if "integer string conversion" in what:
            what = "a number of more than 4300 digits"
        raise ConfigError(what, where=filename, fix=_YAML_FIX) from None


def _unusable(data: Any) -> tuple[FieldPath, str, str] | None:
    """Place, fault and remedy of what no record can hold: values nested or multiplied by aliases, and half characters."""
    waiting: list[tuple[Any, FieldPath]] = [(data, ())]
    count = 0
    while waiting:
        value, path = waiting.pop()
        count += 1
        if len(path) > MOST_LEVELS:
            return path[:1], _TOO_DEEP, "write it with fewer levels"
        if count > MOST_VALUES:
            what = f"the file holds more than {MOST_VALUES} values, each alias (*) counted as what it stands for"
            return path[:1], what, "write fewer values, or fewer aliases inside each other"
        if isinstance(value, str) and _HALF_CHARACTER.search(value):
            return path, f"half a character (a lone surrogate) in {value[:40]!a}", "write the character itself"
        if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            return path, f"a number of {len(str(value))} digits, which is too large", "write a number below 1e308"
        parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(part, (*path, key)) for key, part in parts]
        waiting += [(key, path) for key in (value if isinstance(value, Mapping) else ()) if isinstance(key, str)]
    return None


def _endless_numbers(value: Any, path: FieldPath = ()) -> Iterator[FieldPath]:
    """Paths to `.inf` and `.nan`: YAML has them, JSON and our records do not."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _endless_numbers(item, (*path, key))


def _plain(value: Any) -> Any:
    """The value in Python's own types; types that JSON lacks, such as a date, become text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return next((base(value) for base in (int, float) if isinstance(value, base)), str(value))


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """A misspelt field is unknown, and the right one is missing: the first says enough."""
    missing = {fault_of(detail)[0] for detail in details if detail["type"] == "missing"}
    for path in (fault_of(detail)[0] for detail in details if detail["type"] == "extra_forbidden"):
        beside = [str(other[-1]) for other in missing if other[:-1] == path[:-1]]
        missing -= {(*path[:-1], name) for name in difflib.get_close_matches(str(path[-1]), beside, n=1)}
    return [detail for detail in details if detail["type"] != "missing" or fault_of(detail)[0] in missing]


def _problem(record_type: type[BaseModel], data: Any, filename: str, detail: ErrorDetails, advise: Advise) -> Problem:
    path, what, fix = fault_of(detail)
    if detail["type"] == "extra_forbidden":
        known = _fields_at(record_type, path[:-1])
        if path[-1] in known:  # of another kind of output
            what = "does not go with the `kind:` beside it"
            return _problem_at(data, path, filename, what, "remove it, or write another kind")
        return _problem_at(data, path, filename, "there is no such field", advise(path, known) or nearest(str(path[-1]), known))
    if detail["type"] == "missing":
        return _problem_at(data, path, filename, "is missing", f"add `{path[-1]}:`")
    if detail["type"] == "dict_type" and path[-1] in _LANGUAGE_TEXTS:
        fix = f"write one text per language: {path[-1]}: {{en: ...}}"
    if names := detail.get("ctx", {}).get("known"):
        fix = nearest(str(_values_along(data, path)[-1]), names)
    return _problem_at(data, path, filename, what, fix)


def _problem_at(data: Any, path: FieldPath, filename: str, what: str, fix: str = "") -> Problem:
    """The problem with a value, named `tasks[legal_keywords].rules.min_items`: items by their name, else by number from 1."""
    words = ""
    values = _values_along(data, path)
    for depth, part in enumerate(path, 1):
        if isinstance(part, str):
            words += f".{part}" if words else part
            continue
        item = values[depth] if depth < len(values) else None
        name = item.get("name") if isinstance(item, Mapping) else None
        words += f"[{name}]" if isinstance(name, str) else f"[#{part + 1}]"
    return Problem(f"{words or 'the file'}: {what}", f"{filename}:{_line(data, path)}", fix)


def _values_along(data: Any, path: FieldPath) -> list[Any]:
    """The values on the way along `path`, as far as it exists."""
    values = [data]
    for part in path:
        try:
            values.append(values[-1][part])
        except (KeyError, IndexError, TypeError):
            break
    return values


def _line(data: Any, path: FieldPath) -> int:
    """The line of the deepest part of `path` that exists."""
    line = 1
    for value, part in zip(_values_along(data, path), path, strict=False):
        places = value.lc.data or {} if isinstance(value, (CommentedMap, CommentedSeq)) else {}
        if part in places:  # what came in by a merge key (<<) has none
            line = int(places[part][0]) + 1
    return line


def _fields_at(record_type: type[BaseModel], path: FieldPath) -> list[str]:
    """Names of the fields a record has at `path`; all variants of a union together."""
    types_here: list[type[BaseModel]] = [record_type]
    for part in path:
        if isinstance(part, int):
            continue
        annotations = [kind.model_fields[part].annotation for kind in types_here if part in kind.model_fields]
        types_here = [inner for annotation in annotations for inner in _record_types(annotation)]
    return sorted({name for kind in types_here for name in kind.model_fields})


def _record_types(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Union, types.UnionType, list, dict, typing.Annotated}:
        return [inner for argument in get_args(annotation) for inner in _record_types(argument)]
    return []
