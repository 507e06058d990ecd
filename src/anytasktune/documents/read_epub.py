"""Reads e-books: the chapters in reading order, each a web page."""

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.read_html import add_html, decode_html
from anytasktune.documents.skip_reasons import broken, encrypted
from anytasktune.documents.zip_containers import Container, attribute, open_container

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml"})
_PAGE_ENDINGS = (".xhtml", ".html", ".htm", ".xml")
_NO_PAGE = re.compile(r"(?:image|audio|video|font)/|text/css|application/(?:x-dtbncx|javascript|pdf|vnd|font)")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Methods that scramble fonts only."""


def read_epub(path: Path) -> DocumentBuilder:
    """An e-book without its table of contents.

    Raises:
        SkippedFileError: it is damaged, unsafe, or locked by the shop it comes from.
    """
    builder = DocumentBuilder()
    with open_container(path) as container:
        if _ENCRYPTION in container:
            methods = [attribute(item.attrib, "Algorithm") for item in container.tree(_ENCRYPTION).iter("EncryptionMethod")]
            if any(method not in _FONTS for method in methods):
                raise encrypted("the book is locked by the shop it comes from")
        title, chapters = _package(container)
        for chapter in chapters:
            if chapter in container:
                content = container.read(chapter)
                add_html(decode_html(content) or content.decode("utf-8", "replace"), builder)
            else:
                builder.notes.append(f"a chapter is missing: {chapter}")
        builder.title = title
    return builder


def _package(container: Container) -> tuple[str, list[str]]:
    """Title of the book, and the parts that hold its chapters, in order."""
    named = container.tree(_CONTAINER).iter("rootfile") if _CONTAINER in container else ()
    roots = [item.get("full-path", "") for item in named] + sorted(name for name in container.names() if name.endswith(".opf"))
    if not roots:
        raise broken("it does not say where its contents are")
    root = next((root for root in roots if root in container), roots[0])
    package = container.tree(root)
    title = next((item.text or "" for item in package.iter() if item.tag.lower() == "title"), "")
    items = {item.get("id", ""): item for item in package.iter("item")}
    chapters = []
    for reference in package.iter("itemref"):
        item = items.get(reference.get("idref", ""))
        for _ in items:  # a part in a foreign format may have one to fall back on
            if item is None or _is_page(item):
                break
            item = items.get(item.get("fallback", ""))
        if item is not None and _is_page(item) and "nav" not in item.get("properties", "").split():
            place = posixpath.join(posixpath.dirname(root), unquote(item.get("href", "").partition("#")[0]))
            chapters.append(posixpath.normpath(place))
    return title, chapters


def _is_page(item: Element) -> bool:
    """Whether a part is a web page, by its media type or, if that is wrong, by its name."""
    media_type = item.get("media-type", "").lower()
    if media_type in _PAGES:
        return True
    return not _NO_PAGE.match(media_type) and item.get("href", "").lower().endswith(_PAGE_ENDINGS)
