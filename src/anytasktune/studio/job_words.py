"""A line of a job's log in words, and its progress."""

import functools
from typing import Any

from anytasktune.localisation.catalogue import localised
from anytasktune.pipeline.events import Event, Finished, Note, Progress, Started, Warned
from anytasktune.studio.studio_words import PageWords


def line_in_words(line: Event | str, words: PageWords) -> str:
    """An event as a sentence; any other line as it is."""
    message = functools.partial(localised, language=words.language)
    match line:
        case Started():
            return _joined(words.say("started", what=_subject(line, words)), message(line.detail))
        case Progress():
            bar = progress_bar(line, words)
            assert bar is not None  # noqa: S101
            return _joined(f"{bar['name']}: {line.done}/{line.total}", bar["left"], message(line.detail))
        case Finished():
            said = words.say("reused" if line.reused else "finished", what=_subject(line, words))
            took = words.seconds(line.seconds) if line.seconds is not None else ""
            kept = words.say("kept", kept=line.kept) if line.kept is not None else ""
            dropped = ", ".join(f"{reason} {count}" for reason, count in line.dropped.items())
            return _joined(said, took, message(line.detail), kept, dropped)
        case Note():
            return message(line.text)
        case Warned():
            return f"{words.say('warned')} {message(line.where)}: {message(line.what)} → {message(line.fix)}"
        case _:
            return line


def progress_bar(line: Event | str, words: PageWords) -> dict[str, Any] | None:
    """The progress a line tells: what of, done, total, time left in words; None for other lines."""
    if not isinstance(line, Progress):
        return None
    left = words.say("left", time=words.seconds(line.seconds_left)) if line.seconds_left is not None else ""
    key = f"{line.stage} {line.name} {line.system or ''}"
    return {"key": key, "name": _subject(line, words), "done": line.done, "total": line.total, "left": left}


def _subject(line: Started | Progress | Finished, words: PageWords) -> str:
    stage = words.say(f"stage_{line.stage}")
    system = getattr(line, "system", None)
    return " · ".join([stage, line.name, *([system] if system else [])])


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
