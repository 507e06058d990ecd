"""Edits the two texts of a candidate in the user's editor."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError

_INPUT, _OUTPUT = "=== input ===", "=== output ==="


@dataclass(frozen=True)
class Texts:
    """Input and output while they are edited, without empty lines around them."""

    input: str
    output: str

    @classmethod
    def of(cls, input_text: str, output_text: str) -> "Texts":
        """Take two texts as they are stored."""
        return cls(input_text.strip("\r\n"), output_text.strip("\r\n"))


def editor_of(environment: Mapping[str, str]) -> list[str]:
    """The command that `VISUAL` or `EDITOR` names; empty if neither is set."""
    named = environment.get("VISUAL") or environment.get("EDITOR") or ""
    return [part.strip("\"'") for part in shlex.split(named, posix=os.name != "nt")]


def edit_in(editor: Sequence[str], texts: Texts, remarks: Sequence[str]) -> Texts:
    """Open the texts in an editor and wait until it is closed.

    Args:
        editor: the command, without the file.
        texts: to be changed.
        remarks: lines written above the texts.

    Raises:
        ConfigError: the editor cannot be started or ended with an error, or the headings are gone.
    """
    folder = Path(tempfile.mkdtemp(prefix="review-"))
    try:
        path = folder / "candidate.txt"
        path.write_text(as_page(texts, remarks), encoding="utf-8", newline="\n")
        _run([*editor, str(path)])
        return from_page(path.read_text(encoding="utf-8-sig", errors="replace"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_page(texts: Texts, remarks: Sequence[str]) -> str:
    """The texts under headings, below the remarks."""
    said = "".join(f"# {line}\n" for remark in remarks for line in remark.splitlines())
    return f"{said}{_INPUT}\n{texts.input}\n\n{_OUTPUT}\n{texts.output}\n"


def from_page(page: str) -> Texts:
    """The texts back; ConfigError if a heading is gone."""
    lines = page.splitlines()
    if _INPUT not in lines or _OUTPUT not in lines[lines.index(_INPUT) :]:
        raise ConfigError(
            f"the lines {_INPUT!r} and {_OUTPUT!r} are not both there", fix="edit again and leave them as they are"
        )
    begin = lines.index(_INPUT)
    middle = lines.index(_OUTPUT, begin)
    return Texts.of("\n".join(lines[begin + 1 : middle]), "\n".join(lines[middle + 1 :]))


def _run(command: Sequence[str]) -> None:
    fix = "set EDITOR to the command of your editor, or unset it to type the texts here"
    try:
        done = subprocess.run(command, check=False)  # noqa: S603  (the command is the user's own)
    except OSError as error:
        raise ConfigError(f"the editor does not start: {error.strerror or error}", where=command[0], fix=fix) from None
    if done.returncode != 0:
        raise ConfigError(f"the editor ended with code {done.returncode}; nothing was changed", where=command[0], fix=fix)
