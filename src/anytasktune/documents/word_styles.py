"""Styles and list numbering of Word documents."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT
from anytasktune.documents.list_numbers import list_number
from anytasktune.documents.zip_containers import attribute

VERTICAL = {"superscript": SUPERSCRIPT, "subscript": SUBSCRIPT}
_HEADING_NAME = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLE_NAMES = frozenset({"title", "标题"})
_SYMBOLS = dict(zip("abcdefghiklmnopqrstuwxyzDFGJLPQSWXY", "αβχδεφγηικλμνοπθρστυωξψζΔΦΓϑΛΠΘΣΩΞΨ", strict=True)) | {
    "\xa3": "≤",
    "\xa5": "∞",
    "\xae": "→",
    "\xb0": "°",
    "\xb1": "±",
    "\xb3": "≥",
    "\xb4": "×",
    "\xb7": "•",
    "\xb9": "≠",
    "\xbb": "≈",
    "\xd6": "√",
    "\xd7": "⋅",
    "\xe5": "∑",
    "\xf2": "∫",
}
"""Signs of the font Symbol."""
_WINGDINGS = dict(zip("\x6f\xa7\xa8\xd8\xe0\xfb\xfc\xfd\xfe", "☐▪☐➢→✗✓☒☑", strict=True))
_PRIVATE_USE = 0xF000
_MOST_INHERITED = 10
_LEVEL_REFERENCE = re.compile(r"%(\d)")
_LAST_LEVEL = 8


@dataclass(frozen=True)
class WordStyle:
    """Properties of a paragraph or character style, with those it inherits.

    Attributes:
        level: of the heading it makes; 0 for none. A title is of level 1.
        hidden: whether its text is not shown.
        script: mark of a superscript or subscript; empty for neither.
        list_id: list it numbers in; empty for none.
        list_level: level in that list, from 0.
    """

    level: int = 0
    hidden: bool = False
    script: str = ""
    list_id: str = ""
    list_level: int = 0


def is_on(attributes: dict[str, str]) -> bool:
    """Whether a switch such as `<w:vanish/>` is on."""
    return attribute(attributes, "val") not in {"0", "false", "off"}


def symbol(font: str, code: str) -> str:
    """A sign that a Word document names by its font and its number there; a white box if it is not known."""
    number = int(code, 16) if re.fullmatch("[0-9A-Fa-f]{1,5}", code) else 0
    sign = chr(number - _PRIVATE_USE if _PRIVATE_USE <= number <= _PRIVATE_USE + 0xFF else number)
    if "wingdings" in font.lower():
        return _WINGDINGS.get(sign, "□")
    if font.lower() == "symbol":
        return _SYMBOLS.get(sign, sign if sign.isascii() and sign.isprintable() else "□")
    return sign if sign.isprintable() else "□"


def read_styles(roots: Iterable[Element]) -> dict[str, WordStyle]:
    """Id → style."""
    own: dict[str, dict[str, object]] = {}
    based: dict[str, str] = {}
    for style in (style for root in roots for style in root.iter("style")):
        key = attribute(style.attrib, "styleId")
        own[key] = _own_properties(style)
        based[key] = _value(style, "basedOn")
    styles = {}
    for key in own:
        chain = [key]
        while (above := based.get(chain[-1], "")) in own and len(chain) < _MOST_INHERITED:
            chain.append(above)
        merged: dict[str, object] = {}
        for each in reversed(chain):
            merged |= own[each]
        styles[key] = WordStyle(**merged)  # type: ignore[arg-type]
    return styles


def _own_properties(style: Element) -> dict[str, object]:
    name, outline = _value(style, "name").strip(), _value(style, "pPr/outlineLvl")
    found: dict[str, object] = {}
    if match := _HEADING_NAME.fullmatch(name):
        found["level"] = int(match[1]) + 1
    elif name.lower() in _TITLE_NAMES:
        found["level"] = 1
    elif outline.isdigit() and int(outline) <= _LAST_LEVEL:
        found["level"] = int(outline) + 2
    if (vanish := style.find("rPr/vanish")) is not None:
        found["hidden"] = is_on(vanish.attrib)
    if style.find("rPr/vertAlign") is not None:
        found["script"] = VERTICAL.get(_value(style, "rPr/vertAlign"), "")
    if list_id := _value(style, "pPr/numPr/numId"):
        found["list_id"] = "" if list_id == "0" else list_id
    if (level := _value(style, "pPr/numPr/ilvl")).isdigit():
        found["list_level"] = int(level)
    return found


@dataclass
class _Level:
    """A level of a list: the number it starts with, the style of its numbers, and the text around them."""

    start: int = 1
    style: str = "decimal"
    text: str = ""


@dataclass
class _Counters:
    """Last number per level, of all lists that share a definition."""

    numbers: dict[int, int] = field(default_factory=dict)


class WordNumbering:
    """The lists of a document; counts their items."""

    def __init__(self, root: Element | None = None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counters: dict[str, _Counters] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        if root is None:
            return
        definitions = {attribute(each.attrib, "abstractNumId"): each for each in root.findall("abstractNum")}
        linked = {_value(each, "styleLink"): key for key, each in definitions.items() if _value(each, "styleLink")}
        counters = {key: _Counters() for key in definitions}
        for number in root.findall("num"):
            list_id, key = attribute(number.attrib, "numId"), _value(number, "abstractNumId")
            key = linked.get(_value(definitions[key], "numStyleLink"), key) if key in definitions else key
            if key not in definitions:
                continue
            self._levels[list_id] = dict(_levels(definitions[key]))
            self._counters[list_id] = counters[key]
            for override in number.findall("lvlOverride"):
                self._levels[list_id] |= dict(_levels(override))
                level, start = attribute(override.attrib, "ilvl"), _value(override, "startOverride")
                if level.isdigit() and start.isdigit():
                    self._restarts.setdefault(list_id, {})[int(level)] = int(start)

    def label(self, list_id: str, level: int) -> str | None:
        """The number or bullet of the next item at a level of a list; None if there is no such list."""
        levels = self._levels.get(list_id)
        if levels is None or level not in levels:
            return None
        numbers = self._counters[list_id].numbers
        for restarted, start in self._restarts.pop(list_id, {}).items():  # at the first item of this list
            numbers[restarted] = start - 1
        numbers[level] = numbers.get(level, levels[level].start - 1) + 1
        for deeper in [each for each in numbers if each > level]:
            del numbers[deeper]
        if levels[level].style == "bullet":
            return "-"

        def shown(match: "re.Match[str]") -> str:
            place = int(match[1]) - 1
            referred = levels.get(place, _Level())
            return list_number(numbers.get(place, referred.start), referred.style)

        return _LEVEL_REFERENCE.sub(shown, levels[level].text)


def _levels(definition: Element) -> Iterable[tuple[int, _Level]]:
    for level in definition.findall("lvl"):
        place, start = attribute(level.attrib, "ilvl"), _value(level, "start")
        if place.isdigit():
            number = int(start) if start.isdigit() else 1
            yield int(place), _Level(number, _value(level, "numFmt") or "decimal", _value(level, "lvlText"))


def _value(element: Element, path: str) -> str:
    """The `val` of the element at a path; empty if there is none."""
    found = element.find(path)
    return "" if found is None else attribute(found.attrib, "val")
