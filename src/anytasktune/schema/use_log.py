"""Records of a Task-LM's use: requests that a server answered, and corrections of answers."""

from pydantic import Field

from anytasktune.records import Language, Name, Record


class RecordedRequest(Record):
    """One line of `use/<task>/requests.jsonl`: a request to a Task-LM. The file is only ever added to."""

    id: str
    """Id of the reply without what stands before its `-`; of a further answer of the same reply, with its number behind it."""
    at: str
    """ISO 8601 in UTC."""
    version: str
    """Id of the training run of the Task-LM that answered."""
    language: Language
    characters: int
    """Length of the input."""
    label: str | None = None
    """The answer of a task with a closed list of answers."""
    probability: float | None = None
    unsure: bool | None = None
    """Whether the probability is below the threshold; None where that is not known."""
    sampled: bool = False
    """Whether its texts were to be kept whatever the answer: so those of a known share of all requests are."""
    input: str = ""
    """Personal data replaced; empty where the texts were not kept."""
    output: str = ""
    """Likewise."""


class Correction(Record):
    """One line of `use/<task>/corrections.jsonl`: the right answer to an input. The file is only ever added to."""

    at: str
    by: Name
    request: str = ""
    """Id of the request; empty where a person gave the input."""
    version: str = ""
    """Id of the training run of the Task-LM whose answer is corrected, where it is known."""
    language: Language
    input: str = Field(min_length=1)
    """Personal data replaced."""
    output: str
    """Likewise."""
    answered: str = ""
    """The answer that was wrong."""
