"""The fields of the forms about data: how a file is imported, and which rows are shown."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from anytasktune.pipeline.dataset_views import RowFilter
from anytasktune.pipeline.importing import ImportOptions
from anytasktune.pipeline.previewing import ColumnMap, named_columns
from anytasktune.records import Language
from anytasktune.schema import SplitName

_LONGEST = 1000


class ImportForm(BaseModel):
    """The choices of an import; empty fields leave them to the file."""

    model_config = ConfigDict(extra="ignore")

    task: str = Field("", max_length=_LONGEST)
    input: str = Field("", max_length=_LONGEST)
    output: str = Field("", max_length=_LONGEST)
    language_column: str = Field("", max_length=_LONGEST)
    source_column: str = Field("", max_length=_LONGEST)
    language: Language | Literal[""] = ""
    split: SplitName | Literal[""] = ""
    existing: Literal["refuse", "append", "replace"] = "refuse"
    encoding: str = Field("", max_length=40)

    def as_options(self) -> ImportOptions:
        """The options of the import."""
        columns = named_columns(self.input, self.output, self.language_column, self.source_column)
        language, split = self.language or None, self.split or None
        return ImportOptions(self.task, columns, language, split, self.existing, self.encoding.strip() or None)

    def with_columns(self, named: ColumnMap | None) -> "ImportForm":
        """The same with the columns that a preview read."""
        if named is None:
            return self
        columns = {
            "input": named.input,
            "output": named.output,
            "language_column": named.language,
            "source_column": named.source,
        }
        return self.model_copy(update={name: column or "" for name, column in columns.items()})

    def command(self, file: str) -> list[str]:
        """The command that imports `file` in the same way."""
        words = ["import", file, "--task", self.task]
        if self.input and self.output:
            named = {"input": self.input, "output": self.output, "language": self.language_column, "source": self.source_column}
            words += ["--columns", ",".join(f"{name}={column}" for name, column in named.items() if column)]
        for option, value in (("--language", self.language), ("--split", self.split), ("--encoding", self.encoding.strip())):
            words += [option, value] if value else []
        return words + ([f"--{self.existing}"] if self.existing != "refuse" else [])


class RowQuery(BaseModel):
    """The rows of a data set to show."""

    model_config = ConfigDict(extra="ignore")

    version: str = Field("", max_length=64)
    split: SplitName | Literal[""] = ""
    query: str = Field("", max_length=_LONGEST)
    label: str = Field("", max_length=_LONGEST)
    language: Language | Literal[""] = ""
    origin: Literal["", "own", "generated"] = ""

    def as_filter(self) -> RowFilter:
        """The filter of the rows."""
        return RowFilter(self.split, self.query, self.label, self.language, self.origin)
