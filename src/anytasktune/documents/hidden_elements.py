"""Finds elements that a browser does not show: by attributes, inline styles, and simple rules of style sheets."""

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none\b|visibility\s*:\s*(?:hidden|collapse)\b|content-visibility\s*:\s*hidden\b|"
    r"(?:opacity|font-size)\s*:\s*0(?:\.0+)?(?:px|pt|r?em|%)?\s*(?:;|!|$))"
)
_SHOWING = re.compile(r"(?:^|;)\s*(?:display|visibility)\s*:")
_SIMPLE_SELECTOR = re.compile(r"([a-z][\w-]*|\*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_PART = re.compile(r"([.#])([\w-]+)")
_MATHML = re.compile("mathml", re.IGNORECASE)
_MOST_CSS, _MOST_NESTED = 1_000_000, 3
_APPLYING = re.compile(r"@media\s+(?:only\s+)?(?:screen|all)\s*|@(?:layer|supports)\b.*", re.IGNORECASE | re.DOTALL)
"""Blocks of rules that hold on a screen of any size."""


class Stylesheet:
    """The rules of a page that hide elements. Only selectors of one element are understood: `p`, `.note`, `div.note`, `#id`."""

    def __init__(self) -> None:
        self._rules: dict[str, list[tuple[int, str, frozenset[str], bool]]] = {}
        self._count = 0

    def add(self, css: str) -> None:
        """Add the rules of a `style` element."""
        for selectors, declarations in _rules(_COMMENT.sub(" ", css[:_MOST_CSS]), 0):
            hides = _HIDING.search(declarations.lower()) is not None
            if not hides and not _SHOWING.search(declarations.lower()):
                continue
            for selector in selectors.split(","):
                match = _SIMPLE_SELECTOR.fullmatch(selector.strip())
                if match and match[0]:
                    tag = (match[1] or "").lower().removeprefix("*")
                    parts = frozenset(sign + name for sign, name in _PART.findall(match[2]))
                    self._count += 1
                    self._rules.setdefault(min(parts, default=tag), []).append((self._count, tag, parts, hides))

    def hides(self, tag: str, attributes: dict[str, str]) -> bool:
        """Whether a browser hides an element with these attributes.

        MathML that is hidden behind a picture of the formula counts as shown.
        """
        if _MATHML.search(attributes.get("class", "")):
            return False
        style = attributes.get("style", "").lower()
        if style and _HIDING.search(style):
            return True
        if style and _SHOWING.search(style):
            return False
        if "hidden" in attributes or (tag == "dialog" and "open" not in attributes):
            return True
        if not self._rules:
            return False
        named = {f".{name}" for name in attributes.get("class", "").split()} | {f"#{attributes.get('id', '')}"}
        candidates = (rule for key in (tag, *named) for rule in self._rules.get(key, ()))
        matching = [(order, hides) for order, wanted, parts, hides in candidates if wanted in {"", tag} and parts <= named]
        return max(matching)[1] if matching else False


def repeats_formula(tag: str, attributes: dict[str, str]) -> bool:
    """Whether an element draws a formula that stands beside it as MathML, as KaTeX and MathJax do."""
    drawn = tag.startswith("mjx-") or tag == "nobr" or "katex-html" in attributes.get("class", "")
    return drawn and attributes.get("aria-hidden") == "true"


def _rules(css: str, depth: int) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of the rules that hold on a screen of any size."""
    place = 0
    while depth < _MOST_NESTED and (brace := css.find("{", place)) >= 0:
        head = css[place:brace].rpartition(";")[2].strip()
        open_braces, end = 1, brace + 1
        while open_braces and end < len(css):
            open_braces += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        if not head.startswith("@"):
            yield head, css[brace + 1 : end - 1]
        elif _APPLYING.fullmatch(head):
            yield from _rules(css[brace + 1 : end - 1], depth + 1)
        place = end
