"""The endpoint that answers inputs for which the router chooses no task: its address, its key, and consent to sending them."""

import os
from dataclasses import dataclass

from anytasktune.llm import Endpoint
from anytasktune.llm.chat_endpoint import ChatEndpoint
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess, consents
from anytasktune.pipeline.workspace import Workspace
from anytasktune.settings import Settings

ROUTER_API_KEY = "ANYTASKTUNE_ROUTER_API_KEY"


@dataclass(frozen=True)
class FallbackThere:
    """The endpoint of `router.fallback_url`, without its key.

    Attributes:
        place: `this machine`, `a private network` or `elsewhere`.
        masked: whether personal data is replaced in what is sent there.
        agreed: whether somebody agreed that inputs go to its host; not needed for this machine.
    """

    address: str
    host: str
    place: str
    model: str
    masked: bool
    agreed: bool

    @property
    def needs_consent(self) -> bool:
        """Whether somebody has to agree before a server may send inputs there."""
        return self.place != "this machine" and not self.agreed


def fallback_there(workspace: Workspace) -> FallbackThere | None:
    """The endpoint that a server would send inputs to that fit no task; None where it would send none.

    Raises:
        EndpointError: the address or its key cannot be ones.
        ConfigError: the settings are wrong.
    """
    settings = workspace.settings()
    endpoint = _endpoint(settings)
    if endpoint is None or len(workspace.domain.tasks) < 2:  # one task: everything is answered by it
        return None
    given = {consent.host: consent for consent in consents(workspace.project)}.get(endpoint.host)
    setting, agreed = settings.teacher.mask_personal_data, given is not None
    masked = setting if setting is not None else given.masked if given else True
    model = settings.router.fallback_model.strip()
    return FallbackThere(endpoint.base_url, endpoint.host, endpoint.place, model, masked, agreed)


def open_fallback(context: Context, agreed: Agreed) -> ChatEndpoint | None:
    """The endpoint of `router.fallback_url`, after saying what it is sent; None where none is set.

    Its key is read from a variable of its own, so that no other program's key goes there.

    Args:
        agreed: consent to sending inputs to another machine, where nobody has agreed for this project and host before.

    Raises:
        ConsentError: nobody has agreed.
        EndpointError: the address or its key cannot be ones.
    """
    limits, endpoint = context.settings.teacher, _endpoint(context.settings)
    if endpoint is None:
        return None
    access = TeacherAccess(
        context.workspace.project,
        limits,
        ["each input for which the router chooses no task"],
        guard=lambda _: None,
        agreed=agreed,
        on_event=context.on_event,
        subject="inputs that fit no task",
    )
    model = context.settings.router.fallback_model.strip()
    placeholders = access.placeholders_for(model, endpoint)
    if endpoint.place != "this machine":
        context.note(f"inputs that fit no task leave this machine, for {endpoint.host}")
    return ChatEndpoint(endpoint, model, limits.answer_tokens, limits.concurrency, placeholders)


def _endpoint(settings: Settings) -> Endpoint | None:
    address, limits = settings.router.fallback_url.strip(), settings.teacher
    if not address:
        return None
    return Endpoint.at(
        address,
        os.environ.get(ROUTER_API_KEY, ""),
        named="router.fallback_url",
        key_variable=ROUTER_API_KEY,
        timeout=limits.timeout,
        attempts=limits.attempts,
    )
