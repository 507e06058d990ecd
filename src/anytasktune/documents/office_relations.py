"""Which part of an Office file refers to which."""

import posixpath

from anytasktune.documents.archives import Parts
from anytasktune.documents.xml_parts import tree


def related(parts: Parts, name: str) -> dict[str, tuple[str, str]]:
    """What the part `name` refers to: id → (kind, name of the part); nothing outside the file."""
    folder, _, file = name.rpartition("/")
    listed = posixpath.join(folder, "_rels", f"{file}.rels")
    if listed not in parts:
        return {}
    found = {}
    for relation in tree(parts.read(listed)):
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External" and target:
            place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], place)
    return found


def main_part(parts: Parts, usual: str) -> str:
    """The part a file's content begins in: the one its relations name, else the `usual` one."""
    named = (place for kind, place in related(parts, "").values() if kind == "officeDocument")
    return next((place for place in named if place in parts), usual)


def title_of(parts: Parts) -> str:
    """The title among a file's properties; empty if there is none."""
    if "docProps/core.xml" not in parts:
        return ""
    found = tree(parts.read("docProps/core.xml")).find("title")
    return (found.text or "").strip() if found is not None else ""
