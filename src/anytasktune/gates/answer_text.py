"""The free text inside an answer, piece by piece, and where in it each piece stands."""

from anytasktune.records import Language
from anytasktune.schema import JsonOutput, NumberOutput, Task
from anytasktune.scorers import parse_output
from anytasktune.text.json_values import KeyPath, strings_at

Pieces = tuple[tuple[KeyPath, str], ...]


def answer_pieces(task: Task, output: str, language: Language | None) -> Pieces:
    """(path of keys, text) of every piece of text that was written freely.

    The strings inside JSON have the keys above them as path, places in lists left out; items of an open list and a text have
    the empty path. Labels of a closed list and numbers are no free text.
    """
    if isinstance(task.output, NumberOutput) or task.labels_in(language):
        return ()
    parsed = parse_output(task, output, language)
    if isinstance(task.output, JsonOutput):
        return tuple(strings_at(parsed.value)) if parsed.ok else ()
    return tuple(((), item) for item in (parsed.items or (parsed.text,)) if item)
