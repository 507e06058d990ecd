"""The constraint on the answers of one task: its grammar in tokens, compiled once per language, or per input if it differs."""

from collections.abc import Sequence

from anytasktune.chat import PromptFormat
from anytasktune.errors import ConfigError
from anytasktune.inference.constraint import Constraint, TokenTable, token_table
from anytasktune.records import Language
from anytasktune.schema import Decoding, Example, Task

_PLAIN: dict[Language, str] = {"en": "a", "zh": "无"}
"""Characters that stand where a pattern wants any, at the end of an answer that was cut."""


class TaskConstraint:
    """Constraints for inputs of one task."""

    def __init__(self, task: Task, decoding: Decoding, format_: PromptFormat) -> None:
        self.task = task
        self.decoding = decoding
        self.format = format_
        self._compiled: dict[Language, Constraint | None] = {}
        self._ending = task.output.pattern_completion(task.rules)

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

        def end_after(ids: list[int]) -> list[int] | None:
            if self._ending is None:
                return None
            end = self._ending.after(self.format.decode(ids), _PLAIN[language])
            return None if end is None else self.table.ids_of(end)

        return Constraint(compiled.table, compiled.matcher, compiled.most_characters, is_right, end_after)

    def _compile(self, source: str, language: Language) -> Constraint | None:
        output, rules = self.task.output, self.task.rules
        grammar = output.grammar(rules, source, language, self.decoding.styles.get(language))
        return None if grammar is None else Constraint.of(self.table, grammar, rules.max_length)

    def check(self, examples: Sequence[Example], limit_setting: str = "max_length") -> None:
        """Refuse what no answer can keep to within the length limit, judged by the first of `examples` of each language.

        Args:
            limit_setting: the setting that the limit comes from.

        Raises:
            ConfigError: with the reason.
        """
        limit, where = self.decoding.max_new_tokens, f"task {self.task.name}"
        fix = f"ease the rules, or raise {limit_setting}"
        too_short = ConfigError(f"no answer of at most {limit} tokens keeps to output and rules", where=where, fix=fix)
        if self._ending is not None:
            shortest = self._ending.after("")
            if shortest is None:
                raise ConfigError(
                    f"no text matches the pattern {self.task.rules.pattern}", where=where, fix="correct the pattern"
                )
            if len(self.table.ids_of(shortest)) > limit:
                raise too_short
        if self.task.output.grammar_reads_input(self.task.rules):
            return  # whether there is an answer differs by the input
        first: dict[Language, Example] = {}
        for example in examples:
            first.setdefault(self.task.language_of(example.language), example)
        for example in first.values():
            constraint = self.on(example)
            if constraint is not None and self.task.rules.pattern is None and constraint.shortest(limit) is None:
                raise too_short
