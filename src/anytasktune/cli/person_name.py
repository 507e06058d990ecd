"""The name of the person at the keyboard, given with an option or found out."""

from pathlib import Path

from anytasktune.cli.console import UsageError


def person_name(given: str | None, folder: Path, option: str = "--reviewer") -> str:
    """The name that was given with `option`, or one made of the name in git or of the user's account."""
    from anytasktune.pipeline.person_names import default_person_name, file_name_of, is_file_name

    if given is not None:
        if is_file_name(given):
            return given
        near = file_name_of(given)
        fix = "use lower-case letters, digits and underscores, a letter first" + (f": {near}" if near else "")
        raise UsageError(f"{option} {given!r} cannot be the name of a file", fix=fix)
    found = default_person_name(folder)
    if not found:
        raise UsageError("your name is unknown", fix=f"give it: {option} NAME")
    return found
