"""E-books: the chapters in reading order, each a web page."""

import posixpath
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from anytasktune.documents.archives import Parts, open_parts
from anytasktune.documents.gathering import Gathered
from anytasktune.documents.read_html import gather_html
from anytasktune.documents.refusal import broken, encrypted
from anytasktune.documents.xml_parts import attribute, tree
from anytasktune.schema.passages import ReadDocument

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html"})
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(path: Path, sha256: str) -> ReadDocument:
    """An e-book without its table of contents.

    Raises:
        RefusedError: it is damaged, unsafe, or locked by its shop.
    """
    gathered = Gathered()
    with open_parts(path) as parts:
        _check_unlocked(parts)
        roots = [item.get("full-path", "") for item in tree(parts.read(_CONTAINER)).iter("rootfile")]
        if not roots:
            raise broken("it does not say where its contents are")
        package = tree(parts.read(roots[0]))
        title = next((item.text or "" for item in package.iter("title")), "")
        for place in _chapters(package, posixpath.dirname(roots[0])):
            if place in parts:
                gather_html(parts.read(place).decode("utf-8", "replace"), gathered)
            else:
                gathered.notes.append(f"a chapter is missing: {place}")
        gathered.title = title
    return gathered.document(sha256, "epub")


def _check_unlocked(parts: Parts) -> None:
    """Scrambled fonts are usual; scrambled text is a shop's lock."""
    if _ENCRYPTION in parts:
        methods = [attribute(item.attrib, "Algorithm") for item in tree(parts.read(_ENCRYPTION)).iter("EncryptionMethod")]
        if any(method not in _FONTS for method in methods):
            raise encrypted("the book is locked by the shop it comes from")


def _chapters(package: Element, folder: str) -> list[str]:
    items = {
        item.get("id", ""): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in package.iter("item")
        if item.get("media-type") in _PAGES and "nav" not in item.get("properties", "").split()
    }
    return [items[key] for item in package.iter("itemref") if (key := item.get("idref", "")) in items]
