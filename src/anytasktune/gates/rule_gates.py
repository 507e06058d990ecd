"""Gates `schema` and `rules`: does the answer have the form the task asks for, and does it keep the task's rules?"""

from collections.abc import Iterator, Sequence

from anytasktune.gates.gate import FEWEST_DATA, Finding, Job, Placed, by_language
from anytasktune.outputs import Rules
from anytasktune.schema import Example
from anytasktune.scorers import explain_rules


def schema(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Answers that cannot be read as what the task asks for: a label of its list, JSON of its schema, a number in its range."""
    yield from _broken(job, items, of_form=True)
    for language, group in by_language(items).items():
        if len(job.seeds(language)) >= FEWEST_DATA and job.fits_seeds(_is_empty, language):
            unanswered = (item for item in group if _is_empty(item.candidate.example()) and not job.broken(item.candidate))
            yield from (Finding(item.position, True, "empty", "no train row has an empty answer") for item in unanswered)


def rules(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Answers that break one of the task's rules: items, length, script, pattern, copies from the input."""
    return _broken(job, items, of_form=False)


def _is_empty(example: Example) -> bool:
    return not example.output.strip()


def _broken(job: Job, items: Sequence[Placed], *, of_form: bool) -> Iterator[Finding]:
    for item in items:
        broken = [rule for rule in job.broken(item.candidate) if (rule not in Rules.model_fields) == of_form]
        if broken:
            yield Finding(item.position, True, broken[0], _in_words(job, item))


def _in_words(job: Job, item: Placed) -> str:
    candidate = item.candidate
    problems = explain_rules(job.task, candidate.input, candidate.output, candidate.language)
    return "; ".join(dict.fromkeys(problem.what for problem in problems))
