"""The endpoint that answers inputs for which the router chooses no task: its address, its key, and consent to sending them."""

import os

from anytasktune.llm import Endpoint
from anytasktune.llm.chat_endpoint import ChatEndpoint
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess

ROUTER_API_KEY = "ANYTASKTUNE_ROUTER_API_KEY"


def open_fallback(context: Context, agreed: Agreed) -> ChatEndpoint | None:
    """The endpoint of `router.fallback_url`, after saying what it is sent; None where none is set.

    Its key is read from a variable of its own, so that no other program's key goes there.

    Args:
        agreed: consent to sending inputs to another machine, where nobody has agreed for this project and host before.

    Raises:
        ConsentError: nobody has agreed.
        EndpointError: the address or its key cannot be ones.
    """
    router, limits = context.settings.router, context.settings.teacher
    if not router.fallback_url.strip():
        return None
    endpoint = Endpoint.at(
        router.fallback_url.strip(),
        os.environ.get(ROUTER_API_KEY, ""),
        named="router.fallback_url",
        key_variable=ROUTER_API_KEY,
        timeout=limits.timeout,
        attempts=limits.attempts,
    )
    access = TeacherAccess(
        context.workspace.project,
        limits,
        ["each input for which the router chooses no task"],
        guard=lambda _: None,
        agreed=agreed,
        on_event=context.on_event,
        subject="inputs that fit no task",
    )
    model = router.fallback_model.strip()
    placeholders = access.placeholders_for(model, endpoint)
    if endpoint.place != "this machine":
        context.note(f"inputs that fit no task leave this machine, for {endpoint.host}")
    return ChatEndpoint(endpoint, model, limits.answer_tokens, limits.concurrency, placeholders)
