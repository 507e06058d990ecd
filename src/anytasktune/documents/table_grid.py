"""Tables as grids: cells that span rows or columns fill all places they cover."""

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.skip_reasons import too_large

MOST_COLUMNS = 1000
_MOST_ROWS = 65_534
_MOST_PLACES = 4_000_000


class TableGrid:
    """A table while it is read, row by row and cell by cell.

    A cell that spans all columns of the table stands in the first place only; other cells are repeated in every place.

    Attributes:
        caption: text above the table.
        has_headers: whether it has header cells, so that it is no mere layout.
        is_layout: whether it is marked as mere layout.
    """

    def __init__(self) -> None:
        self._rows: list[dict[int, tuple[DocumentBuilder, int]]] = []
        self._spanning: dict[int, tuple[int, DocumentBuilder, int]] = {}
        self._column = 0
        self._places = 0
        self.caption = ""
        self.has_headers = False
        self.is_layout = False

    def start_row(self, skipped: int = 0) -> None:
        """Begin a row, `skipped` columns to the right."""
        self._rows.append({})
        self._column = skipped
        for column, (rows, cell, columns) in list(self._spanning.items()):
            self._put(column, cell, columns)
            if rows > 1:
                self._spanning[column] = (rows - 1, cell, columns)
            else:
                del self._spanning[column]

    def cell(self, cell: DocumentBuilder, columns: int = 1, rows: int = 1) -> None:
        """Add a cell to the row, in the first free place; `rows` of 0 is as many as follow."""
        if not self._rows:
            self.start_row()
        while self._column in self._rows[-1]:
            self._column += 1
        columns = max(1, min(columns, MOST_COLUMNS))
        for column in range(self._column, self._column + columns):
            self._put(column, cell, columns)
            if rows != 1:
                self._spanning[column] = (min(rows or _MOST_ROWS, _MOST_ROWS) - 1, cell, columns)
        self._column += columns

    def continued_cell(self, cell: DocumentBuilder, columns: int = 1) -> None:
        """Add a cell that goes on with the one above it; with text of its own it stands for itself."""
        above = self._rows[-2].get(self._column) if len(self._rows) > 1 else None
        self.cell(above[0] if above and not cell.blocks else cell, columns)

    def end_row_group(self) -> None:
        """End all spans."""
        self._spanning.clear()

    def add_to(self, builder: DocumentBuilder) -> None:
        """Add the table, or what it lays out, to a document or to the cell around it."""
        if self.caption:
            builder.paragraph(self.caption)
        width = max((max(row, default=-1) + 1 for row in self._rows), default=0)
        if self.is_layout or not ((self.has_headers and width > 1) or self._holds_data()):
            for cell in dict.fromkeys(cell for row in self._rows for _, (cell, _) in sorted(row.items())):
                builder.extend(cell)
            return
        rows = [row for row in self._rows if row]
        while rows and self._spans_all(rows[0], width):  # a title within the table
            builder.extend(rows.pop(0)[0][0])
        builder.table([self._texts(row, width) for row in rows])

    def _put(self, column: int, cell: DocumentBuilder, columns: int) -> None:
        self._places += 1
        if self._places > _MOST_PLACES:
            raise too_large(f"a table of it has more than {_MOST_PLACES:,} cells")
        if column < MOST_COLUMNS:
            self._rows[-1][column] = (cell, columns)

    def _holds_data(self) -> bool:
        """Whether a row has two cells with plain text."""
        for row in self._rows:
            cells = dict.fromkeys(cell for cell, _ in row.values())
            if (
                sum(bool(cell.blocks) and all(block.kind in {"paragraph", "item"} for block in cell.blocks) for cell in cells)
                > 1
            ):
                return True
        return False

    def _spans_all(self, row: dict[int, tuple[DocumentBuilder, int]], width: int) -> bool:
        return width > 1 and 0 in row and row[0][1] >= width

    def _texts(self, row: dict[int, tuple[DocumentBuilder, int]], width: int) -> list[str]:
        if self._spans_all(row, width):
            return [row[0][0].inline()] + [""] * (width - 1)
        return [row[column][0].inline() if column in row else "" for column in range(width)]
