"""Reads e-books: the chapters in reading order, each a web page."""

import posixpath
from pathlib import Path
from urllib.parse import unquote

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.read_html import add_html
from anytasktune.documents.skip_reasons import broken, encrypted
from anytasktune.documents.zip_containers import Container, attribute, open_container

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html"})
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
        for chapter in _add_package(container, builder):
            if chapter in container:
                add_html(container.read(chapter).decode("utf-8", "replace"), builder)
            else:
                builder.notes.append(f"a chapter is missing: {chapter}")
    return builder


def _add_package(container: Container, builder: DocumentBuilder) -> list[str]:
    """Set the title that the package file names, and return the parts with the chapters, in order."""
    roots = [item.get("full-path", "") for item in container.tree(_CONTAINER).iter("rootfile")]
    if not roots:
        raise broken("it does not say where its contents are")
    package = container.tree(roots[0])
    folder = posixpath.dirname(roots[0])
    builder.title = next((item.text or "" for item in package.iter("title")), "")
    chapters = {
        item.get("id", ""): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in package.iter("item")
        if item.get("media-type") in _PAGES and "nav" not in item.get("properties", "").split()
    }
    return [chapters[key] for item in package.iter("itemref") if (key := item.get("idref", "")) in chapters]
