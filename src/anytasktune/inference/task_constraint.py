"""The constraint on the answers of one task: its grammar in tokens, compiled once per language, or per input if it differs."""

from collections.abc import Sequence

from anytasktune.chat import PromptFormat
from anytasktune.errors import ConfigError
from anytasktune.inference.constraint import Constraint, TokenTable, token_table
from anytasktune.records import Language
from anytasktune.schema import Decoding, Example, Task


class TaskConstraint:
    """Constraints for inputs of one task."""

    def __init__(self, task: Task, decoding: Decoding, format_: PromptFormat) -> None:
        self.task = task
        self.decoding = decoding
        self.format = format_
        self._compiled: dict[Language, Constraint | None] = {}

    @property
    def table(self) -> TokenTable:
        """The tokens of the model."""
        return token_table(self.format.tokenizer, self.format.rendering.end_of_turn)

    def on(self, example: Example) -> Constraint | None:
        """The constraint on the answer to one input; None where any text will do.

        Raises:
            ConfigError: no answer keeps to output and rules.
        """
        language = self.task.language_of(example.language)
        reads_input = self.task.output.grammar_reads_input(self.task.rules)
        if reads_input or language not in self._compiled:
            self._compiled[language] = self._compile(example.input, language)
        compiled = self._compiled[language]
        if compiled is None:
            return None

        def is_right(ids: list[int]) -> bool:
            text = self.format.decode(ids)
            return not any(self.task.output.violations(text, self.task.rules, example.input, language))

        return Constraint(compiled.table, compiled.matcher, compiled.most_characters, is_right)

    def _compile(self, source: str, language: Language) -> Constraint | None:
        output, rules = self.task.output, self.task.rules
        grammar = output.grammar(rules, source, language, self.decoding.styles.get(language))
        return None if grammar is None else Constraint.of(self.table, grammar, rules.max_length)

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse what no answer can keep to within the length limit, judged by the first of `examples` of each language.

        Raises:
            ConfigError: with the reason.
        """
        if self.task.output.grammar_reads_input(self.task.rules):
            return  # whether there is an answer differs by the input
        first: dict[Language, Example] = {}
        for example in examples:
            first.setdefault(self.task.language_of(example.language), example)
        for example in first.values():
            constraint = self.on(example)
            limit = self.decoding.max_new_tokens
            if constraint is not None and self.task.rules.pattern is None and constraint.shortest(limit) is None:
                what = f"no answer of at most {limit} tokens keeps to output and rules"
                fix = "ease the rules, or raise max_length"
                raise ConfigError(what, where=f"task {self.task.name}", fix=fix)
