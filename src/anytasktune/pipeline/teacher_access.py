"""The one place where a teacher is opened: what will leave the machine is said, and agreed to once per project and host."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from anytasktune.errors import ConfigError, ConsentError
from anytasktune.llm import ANSWERS_FILE, PLACEHOLDERS_FILE, Endpoint, Placeholders, Teacher
from anytasktune.llm.retries import OnWait
from anytasktune.llm.teacher import Guard
from anytasktune.pipeline.events import Note, OnEvent, Started, ignore_event
from anytasktune.schema.consent import Consent
from anytasktune.settings import TeacherConfig
from anytasktune.store import Project, append_line, read_lines

CONSENTS_FILE = "consents.jsonl"
Decision = Literal["masked", "as_is", "no"]
"""Send with personal data replaced by placeholders, send as it is, or send nothing."""


@dataclass(frozen=True)
class Disclosure:
    """Announcement of what is about to leave the machine.

    Attributes:
        host: the machine it goes to.
        place: `elsewhere` or `a private network`, as far as the address says.
        model: the model there.
        contents: what goes, in words.
        masking: whether personal data will be replaced; None where the person who agrees decides.
        subject: what goes, in general.
    """

    host: str
    place: str
    model: str
    contents: tuple[str, ...]
    masking: bool | None = None
    subject: str = "documents and rows"

    def __str__(self) -> str:
        """`documents and rows go to HOST: ...`."""
        return f"{self.subject} go to {self.host}: {self.in_detail}"

    @property
    def in_detail(self) -> str:
        """Contents and model."""
        return f"{', '.join(self.contents)}, to the model {self.model}"


OnAsk = Callable[[Disclosure], Decision]
Agreed = Decision | OnAsk | None
"""How consent is had: a decision made beforehand, a function that asks, or None: nothing is sent."""


@dataclass
class TeacherAccess:
    """Everything one command needs to open teachers.

    Attributes:
        contents: what the teachers will be shown, in words.
        guard: sees every conversation before it is sent.
        agreed: how consent is had for a host that is not this machine.
        record: a file to which requests and answers are added.
        replay: a recorded file that all answers are taken from; then nothing leaves the machine.
        subject: what the teachers are shown, in general.
    """

    project: Project
    config: TeacherConfig
    contents: Sequence[str]
    guard: Guard
    agreed: Agreed = None
    record: Path | None = None
    replay: Path | None = None
    on_event: OnEvent = ignore_event
    on_wait: OnWait | None = None
    subject: str = "documents and rows"
    _told: set[str] = field(default_factory=set)

    def open(self, model: str, endpoint: Endpoint | None = None) -> Teacher:
        """The teacher of this name.

        Args:
            endpoint: where it is; unless given, where the environment says.

        Raises:
            ConsentError: it is on another machine, and nobody has agreed that documents and rows go there.
            EndpointError: the environment names no endpoint.
        """
        config = self.config.model_copy(update={"name": model})
        if self.replay is not None:
            if self.record is not None:
                raise ConfigError("a recording is either made or replayed", fix="give --record or --replay, not both")
            given = consents(self.project)
            masked = config.mask_personal_data if config.mask_personal_data is not None else bool(given and given[-1].masked)
            return Teacher.replaying(self.replay, config, self.guard, self._placeholders if masked else None)
        endpoint = endpoint or Endpoint.from_environment(os.environ, timeout=config.timeout, attempts=config.attempts)
        return self._at(endpoint, config, masked=self._masked_by_consent(endpoint, model))

    def placeholders_for(self, model: str, endpoint: Endpoint) -> Placeholders | None:
        """Placeholders for personal data in what a model is sent that is asked without a teacher; None: it is sent as it is.

        Raises:
            ConsentError: it is on another machine, and nobody has agreed that anything goes there.
        """
        return self._placeholders if self._masked_by_consent(endpoint, model) else None

    def open_to_estimate(self, model: str, endpoint: Endpoint) -> Teacher:
        """The teacher of this name for estimates: nothing is asked or announced, and nothing must be sent."""
        given = {consent.host: consent for consent in consents(self.project)}.get(endpoint.host)
        setting = self.config.mask_personal_data
        masked = bool(given and given.masked) if setting is None else setting
        return self._at(endpoint, self.config.model_copy(update={"name": model}), masked=masked)

    def _at(self, endpoint: Endpoint, config: TeacherConfig, *, masked: bool) -> Teacher:
        teacher = Teacher.at(
            endpoint,
            config,
            self.project.teacher_answers / ANSWERS_FILE,
            record=self.record,
            on_wait=self.on_wait,
            guard=self.guard,
            placeholders=self._placeholders if masked else None,
        )
        teacher.tell_damage(lambda text: self.on_event(Note(text=text)))
        return teacher

    def _masked_by_consent(self, endpoint: Endpoint, model: str) -> bool:
        """Whether personal data is replaced; says what goes where, and asks where nobody has agreed to it yet."""
        setting = self.config.mask_personal_data
        told = Disclosure(endpoint.host, endpoint.place, model, tuple(self.contents), setting, self.subject)
        masked = bool(setting)
        if endpoint.place != "this machine":
            given = {consent.host: consent for consent in consents(self.project)}
            consent = given.get(endpoint.host) or self._ask(told, endpoint.named)
            masked = consent.masked if setting is None else setting
        if f"{endpoint.host} {model}" not in self._told:
            self._told.add(f"{endpoint.host} {model}")
            how = (
                "on this machine" if endpoint.place == "this machine" else f"personal data {'masked' if masked else 'as it is'}"
            )
            self.on_event(Started(stage="teacher", name=endpoint.host, detail=f"gets {told.in_detail}; {how}"))
        return masked

    def _ask(self, told: Disclosure, named: str) -> Consent:
        decision = self.agreed(told) if callable(self.agreed) else self.agreed
        if decision is None:
            fix = "agree with --yes, run the command in a terminal to be asked, or name a model on this machine"
            raise ConsentError(f"{told}; nobody has agreed to that yet", fix=fix)
        if decision == "no":
            fix = f"name a model on this machine in {named}, or run the same command again and agree"
            raise ConsentError(f"nothing was sent to {told.host}", fix=fix)
        masked = decision == "masked" if told.masking is None else told.masking
        consent = Consent(host=told.host, model=told.model, masked=masked)
        append_line(self.project.teacher_answers / CONSENTS_FILE, consent)
        return consent

    @cached_property
    def _placeholders(self) -> Placeholders:
        return Placeholders(self.project.teacher_answers / PLACEHOLDERS_FILE)


def consents(project: Project) -> list[Consent]:
    """The consents given for a project, the last one for a host last."""
    return read_lines(project.teacher_answers / CONSENTS_FILE, Consent)
