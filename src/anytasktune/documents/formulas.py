"""Writes superscripts, subscripts and formulas (OMML of Office, MathML of web pages) on one line: `10^6`, `(a+b)/c`, `√(x)`."""

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from anytasktune.documents.zip_containers import attribute
from anytasktune.text.plain_text import collapse_space

SUPERSCRIPT, SUBSCRIPT = "^", "_"

_MOST_DEPTH = 60
"""Formulas nested deeper are read as plain text from there on."""
_SIMPLE = re.compile("[+\\-\u2212±]?[\\w.,\u2032'*∞°]+")
"""A script in running text that needs no brackets."""
_SIMPLE_TERM = re.compile("[+\\-\u2212±]?\\d+(?:[.,]\\d+)*|[^\\W\\d_]{3,}|.[\u2032']*")
"""The same in a formula, where `x^ab` could be read as two factors."""
_ATOM = re.compile("\\d+(?:[.,]\\d+)*|[^\\W\\d][\u2032']*|\\([^()]*\\)|")
"""A term that is one number, letter or bracket."""
_LETTER = re.compile(r"[^\W_]")
_REFERENCE = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|[*†‡§#]+")
"""A reference to a footnote or source that has marks of its own."""
_ORDINALS = frozenset({"st", "nd", "rd", "th", "er", "re", "ème", "º", "ª"})
_TRADE_MARKS = frozenset({"tm", "sm", "(r)", "®", "™", "℠"})
_OVERLINE, _CIRCUMFLEX, _TILDE, _ARROW = "\u0305", "\u0302", "\u0303", "\u20d7"
_ACCENTS = {"¯": _OVERLINE, "‾": _OVERLINE, "^": _CIRCUMFLEX, "ˆ": _CIRCUMFLEX, "~": _TILDE, "˜": _TILDE, "→": _ARROW}
"""Accents above a letter → combining characters."""
_ANNOTATIONS = frozenset({"annotation", "annotation-xml"})
_APPLICATION, _INVISIBLE = "\u2061", re.compile("[\u2062-\u2064]")


def script(text: str, mark: str, *, before: str) -> str:
    """A superscript or subscript behind its mark: `^2`, `_(n+1)`; without a mark where it reads the same on the line.

    Args:
        mark: `SUPERSCRIPT` or `SUBSCRIPT`.
        before: text in front of it.
    """
    shown = collapse_space(text)
    is_ordinal = shown.lower() in _ORDINALS and before[-1:].isdigit()
    is_plain = is_ordinal or shown.lower() in _TRADE_MARKS or _REFERENCE.fullmatch(shown)
    if not shown or (mark == SUPERSCRIPT and is_plain):
        return text
    return mark + (shown if _SIMPLE.fullmatch(shown) else f"({shown})") + (" " if text[-1].isspace() else "")


def omml_text(math: Element) -> str:
    """A formula of Office, on one line."""
    return collapse_space(_omml(math, 0))


def mathml_text(math: Element) -> str:
    """A formula of a web page, on one line; its `alttext` if it shows nothing."""
    text = _INVISIBLE.sub("", _mathml(math, 0).replace(_APPLICATION, " "))
    return collapse_space(text) or math.get("alttext", "")


_OMML: dict[str, Callable[[Callable[[str], str], Callable[[str, str], str]], str]] = {
    "sSup": lambda part, _: part("e") + _scripts("", part("sup")),
    "sSub": lambda part, _: part("e") + _scripts(part("sub"), ""),
    "sSubSup": lambda part, _: part("e") + _scripts(part("sub"), part("sup")),
    "sPre": lambda part, _: _scripts(part("sub"), part("sup")) + part("e"),
    "limLow": lambda part, _: part("e") + _scripts(part("lim"), ""),
    "limUpp": lambda part, _: part("e") + _scripts("", part("lim")),
    "f": lambda part, setting: _fraction(part("num"), part("den"), bar=setting("type", "bar") != "noBar"),
    "rad": lambda part, _: _root(part("e"), part("deg")),
    "nary": lambda part, setting: f"{setting('chr', '∫')}{_scripts(part('sub'), part('sup'))} {part('e')}",
    "func": lambda part, _: f"{part('fName')} {_grouped(part('e'))}",
    "acc": lambda part, setting: part("e") + setting("chr", _CIRCUMFLEX),
    "bar": lambda part, _: part("e") + _OVERLINE,
}
"""Kind of an element → its text, from its parts and settings by name."""


def _omml(element: Element, depth: int) -> str:
    if depth > _MOST_DEPTH:
        return "".join(element.itertext())
    kind = element.tag

    def part(name: str) -> str:
        return "".join(_omml(child, depth + 1) for child in element if child.tag == name)

    def setting(name: str, default: str) -> str:
        found = element.find(f"{kind}Pr/{name}")
        return default if found is None else attribute(found.attrib, "val")

    if kind.endswith("Pr") or (kind == "phant" and setting("show", "1") in {"0", "off", "false"}):
        return ""
    if kind == "t":
        return element.text or ""
    if kind in _OMML:
        return _OMML[kind](part, setting)
    if kind == "d":
        inside = (_omml(child, depth + 1) for child in element.findall("e"))
        return setting("begChr", "(") + setting("sepChr", "|").join(inside) + setting("endChr", ")")
    if kind == "m":
        return _matrix([[_omml(cell, depth + 1) for cell in row.findall("e")] for row in element.findall("mr")])
    if kind == "eqArr":
        return "; ".join(_omml(child, depth + 1) for child in element.findall("e"))
    return "".join(_omml(child, depth + 1) for child in element)


def _mathml(element: Element, depth: int) -> str:
    if depth > _MOST_DEPTH:
        return "".join(element.itertext())
    kind = element.tag
    if kind in {"mi", "mn", "mo", "mtext", "ms"}:
        text = "".join(element.itertext())
        return text if kind == "mtext" else collapse_space(text)
    if kind in {"mspace", "mphantom"}:
        return " " if kind == "mspace" else ""
    children = [child for child in element if child.tag not in _ANNOTATIONS]
    parts = [_mathml(child, depth + 1) for child in children]
    first, second, third = [*parts, "", "", ""][:3]
    if kind == "mover" and second in _ACCENTS:
        return first + _ACCENTS[second]
    if kind in {"msup", "mover"}:
        return first + _scripts("", second)
    if kind in {"msub", "msubsup", "munder", "munderover"}:
        return first + _scripts(second, third)
    if kind == "mfrac":
        return _fraction(first, second, bar=not element.get("linethickness", "1").startswith("0"))
    if kind == "mroot":
        return _root(first, second)
    if kind == "msqrt" or (kind == "menclose" and element.get("notation") == "radical"):
        return _root(_row(children, parts), "")
    if kind == "mfenced":
        separator = element.get("separators", ",").strip()[:1] or " "
        return element.get("open", "(") + separator.join(parts) + element.get("close", ")")
    if kind == "mtable":
        return _matrix([[_mathml(cell, depth + 1) for cell in row] for row in children])
    if kind == "mmultiscripts":
        return _multiscripts([child.tag for child in children], parts)
    return first if kind == "semantics" else _row(children, parts)


def _row(children: Sequence[Element], parts: Sequence[str]) -> str:
    """Parts in a row; a name of several letters, such as `sin`, stands apart from the letter behind it."""
    text, last_is_name = "", False
    for child, part in zip(children, parts, strict=True):
        text += (" " if last_is_name and child.tag == "mi" else "") + part
        last_is_name = child.tag == "mi" and len(part) > 1
    return text


def _multiscripts(names: Sequence[str], parts: Sequence[str]) -> str:
    """A base with scripts behind it and, after `mprescripts`, in front of it."""
    middle = names.index("mprescripts") if "mprescripts" in names else len(names)
    text = parts[0] if parts else ""
    for low, high in zip(parts[1:middle:2], parts[2:middle:2], strict=False):
        text += _scripts(low, high)
    for low, high in zip(parts[middle + 1 :: 2], parts[middle + 2 :: 2], strict=False):
        text = _scripts(low, high) + text
    return text


def _scripts(low: str, high: str) -> str:
    found = ((mark, collapse_space(text)) for mark, text in ((SUBSCRIPT, low), (SUPERSCRIPT, high)))
    return "".join(mark + (text if _SIMPLE_TERM.fullmatch(text) else f"({text})") for mark, text in found if text)


def _fraction(above: str, below: str, *, bar: bool) -> str:
    return f"{_grouped(above)}/{_grouped(below)}" if bar else f"{above}¦{below}"


def _root(inside: str, degree: str) -> str:
    index = f"[{degree}]" if degree.strip() not in {"", "2"} else ""
    return f"√{index}" + (inside if _LETTER.fullmatch(inside.strip()) else f"({inside})")


def _matrix(rows: Sequence[Sequence[str]]) -> str:
    return "[" + "; ".join(", ".join(row) for row in rows) + "]"


def _grouped(text: str) -> str:
    """`text` in brackets unless it is one number, letter or bracket."""
    shown = collapse_space(text)
    return shown if _ATOM.fullmatch(shown) else f"({shown})"
