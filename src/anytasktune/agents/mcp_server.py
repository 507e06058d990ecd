"""Tools offered over the Model Context Protocol on standard input and output, with the official SDK.

The SDK keeps standard output for the protocol: whatever else is printed while it serves goes to standard error.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import anyio
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from anytasktune.agents.agent_tool import AgentTool, as_text
from anytasktune.errors import AnyTaskTuneError, disk_error
from anytasktune.version import __version__

ListTools = Callable[[], Sequence[AgentTool]]
OnFault = Callable[[str], None]
Context = ServerRequestContext[Any]


def serve_tools(name: str, instructions: str, tools: ListTools, on_fault: OnFault) -> None:
    """Answer a client until it closes standard input.

    Args:
        tools: called for every list and every call, so that a tool is there as soon as its Task-LM is.
        on_fault: receives a line on a call that failed for a reason the user cannot mend.
    """
    server = mcp_server(name, instructions, tools, on_fault)

    async def serve() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(serve)


def mcp_server(name: str, instructions: str, tools: ListTools, on_fault: OnFault) -> Server[Any]:
    """The server without a connection; its handlers run in threads, so that one that waits keeps none from being answered."""

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            found = await anyio.to_thread.run_sync(tools)
        except AnyTaskTuneError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        return ListToolsResult(tools=[_declared(tool) for tool in found])

    async def call_tool(_: Context, params: CallToolRequestParams) -> CallToolResult:
        return await anyio.to_thread.run_sync(lambda: _called(tools, params, on_fault), abandon_on_cancel=True)

    return Server(name, version=__version__, instructions=instructions, on_list_tools=list_tools, on_call_tool=call_tool)


def _declared(tool: AgentTool) -> Tool:
    hints = ToolAnnotations(
        read_only_hint=tool.reads_only, destructive_hint=False, idempotent_hint=tool.reads_only, open_world_hint=False
    )
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=hints,
    )


def _called(tools: ListTools, params: CallToolRequestParams, on_fault: OnFault) -> CallToolResult:
    """The result of a call. What the agent can mend is a result that says so; an unknown tool is an error of the protocol."""
    try:
        known = {tool.name: tool for tool in tools()}
        if params.name not in known:
            near = get_close_matches(params.name, known, n=1)
            advice = (
                f"did you mean {near[0]!r}?" if near else "tools/list names them; a task has one as soon as it has a Task-LM"
            )
            raise MCPError(INVALID_PARAMS, f"there is no tool {params.name[:100]!r}; {advice}")
        reply = known[params.name].reply(params.arguments or {})
    except MCPError:
        raise
    except AnyTaskTuneError as error:
        return _failed([{"what": one.what, "where": one.where, "fix": one.fix} for one in error.problems])
    except OSError as error:
        return _failed([{"what": str(disk_error(error)), "where": "", "fix": ""}])
    except Exception as error:  # of whatever kind: the next call must be answered
        on_fault(f"{params.name} failed: {type(error).__name__}: {error}")
        return _failed([{"what": f"the tool failed: {type(error).__name__}", "where": params.name, "fix": "tell the user"}])
    return CallToolResult(content=[TextContent(type="text", text=as_text(reply))], structured_content=reply)


def _failed(problems: list[dict[str, str]]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=as_text({"problems": problems[:12]}))], is_error=True)
