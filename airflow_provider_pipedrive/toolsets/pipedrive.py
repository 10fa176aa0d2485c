"""Pipedrive as tools of an agent, on a leash."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow.providers.common.ai.utils.tool_definition import build_args_validator
from airflow.providers.common.ai.utils.toolset_base import AirflowToolset, validate_max_retries
from pydantic_ai.exceptions import ApprovalRequired, ModelRetry
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets.abstract import ToolsetTool

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.parameters import check
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePaymentRequiredError,
    PipedrivePermissionError,
    PipedriveTokenCapError,
    PipedriveValidationError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.toolsets.answers import INSTRUCTIONS
from airflow_provider_pipedrive.toolsets.leash import Leash
from airflow_provider_pipedrive.toolsets.tools import AgentTool, action_tools, general_tools, request_of

if TYPE_CHECKING:
    from pydantic_ai import RunContext

_CORRECTABLE = (PipedriveParameterError, PipedriveValidationError, PipedriveNotFoundError)
"""What the model can do better, knowing why."""
_FINAL = (PipedrivePermissionError, PipedrivePaymentRequiredError, PipedriveTokenCapError)
"""What no other call of the model changes: it is told, and works with what it has."""

_ANY_ARGUMENTS: Final[dict[str, Any]] = {"type": "object"}
"""What the framework holds arguments to: the catalog's own rules say better what is wrong, and that is logged."""


class PipedriveToolset(AirflowToolset):
    """Chosen actions of Pipedrive for an agent of Airflow's AI provider.

    Without ``actions`` the agent can only look: ``search_crm``, ``get_record`` and ``list_fields``. Actions that delete
    or merge are never done before a person has approved the call. See docs/agents.md.

    :param pipedrive_conn_id: the connection (templated); the agent can name no other account
    :param actions: keys of the catalog's actions that the agent may call, each by its name: reads and writes
    :param read_only: offer the three general tools; the default where there are no ``actions``
    :param max_tokens: API tokens that one run of the agent may spend
    :param max_records: records that one call may read
    :param approval: which calls a person approves: every write (``writes``), or only what removes something
        (``deletes``)
    :param max_retries: how often the model may correct a call
    """

    agent_template_fields: Sequence[str] = ("pipedrive_conn_id",)

    def __init__(
        self,
        pipedrive_conn_id: str = "pipedrive_default",
        *,
        actions: Sequence[str] = (),
        read_only: bool | None = None,
        max_tokens: int = 2_000,
        max_records: int = 50,
        approval: Literal["writes", "deletes"] = "writes",
        max_retries: int | None = 3,
    ) -> None:
        if isinstance(actions, str):
            raise PipedriveParameterError(f"actions must be a list of keys, not {actions!r}.")
        if approval not in ("writes", "deletes"):
            raise PipedriveParameterError(
                f"approval must be writes or deletes, not {approval!r}: an agent never deletes alone."
            )
        for name, number in (("max_tokens", max_tokens), ("max_records", max_records)):
            check_count(name, number)
        own = action_tools(actions)
        if read_only and (writes := [tool.name for tool in own if tool.is_write]):
            raise PipedriveParameterError(f"read_only=True contradicts actions, which name {', '.join(writes)}.")
        offered = [*(general_tools() if read_only or not own else []), *own]
        self.pipedrive_conn_id = pipedrive_conn_id
        self._tools = {tool.name: tool for tool in offered}
        self._max_tokens = max_tokens
        self._max_records = max_records
        self._approval = approval
        self._max_retries = validate_max_retries(max_retries)
        self._leash: Leash | None = None

    @property
    def id(self) -> str:
        """What traces call this toolset."""
        return f"pipedrive-{self.pipedrive_conn_id}"

    @property
    def receipt(self) -> dict[str, Any]:
        """The calls of the last run: ``calls``, ``tokens``, ``records``, ``refused``."""
        return self._own_leash().receipt

    async def for_run(self, ctx: RunContext[Any]) -> PipedriveToolset:
        """A toolset with a leash of its own, which :attr:`receipt` of this one then shows."""
        fresh = copy.copy(self)
        fresh._leash = self._leash = None
        self._leash = fresh._own_leash()
        return fresh

    async def __aexit__(self, *exc: Any) -> bool | None:
        """Push the receipt, however the run ends."""
        if self._leash is not None and self._leash.calls:
            await self.run_blocking(self._leash.push)
        return None

    async def get_instructions(self, ctx: RunContext[Any]) -> str:
        """What the model is told before it calls anything."""
        return INSTRUCTIONS

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The tools by name."""
        retries = self._get_tool_max_retries(ctx)
        return {name: self._defined(tool, retries) for name, tool in self._tools.items()}

    def _defined(self, tool: AgentTool, retries: int) -> ToolsetTool[Any]:
        def validate(ctx: RunContext[Any], /, **arguments: Any) -> None:
            self._checked(tool, arguments)  # before a person is asked

        return ToolsetTool(
            toolset=self,
            tool_def=ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters_json_schema=dict(tool.schema),
                sequential=True,
            ),
            max_retries=retries,
            args_validator=build_args_validator(_ANY_ARGUMENTS),
            args_validator_func=validate,
        )

    def _checked(self, tool: AgentTool, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        try:
            action, parameters = request_of(tool, arguments)
            check(get_action(action), parameters)
        except PipedriveParameterError as error:
            self._own_leash().refused(tool.name, tool.name, type(error).__name__)
            raise ModelRetry(str(error)) from error
        return action, parameters

    async def execute_tool(
        self, name: str, tool_args: dict[str, Any], *, ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> str:
        """Do what the model asks for, or say why not."""
        found = self._tools[name]
        action, parameters = self._checked(found, tool_args)
        if self._needs_approval(found) and not ctx.tool_call_approved:
            self._own_leash().refused(name, action, "waits for approval")
            raise ApprovalRequired()
        try:
            limit = tool_args.get("limit")
            done: str = await self.run_blocking(self._own_leash().call, name, action, parameters, limit)
        except _CORRECTABLE as error:
            raise ModelRetry(str(error)) from error
        except _FINAL as error:
            return f"Not done: {_reason(error)} Go on with what you have."
        return done

    def _needs_approval(self, tool: AgentTool) -> bool:
        return tool.is_destructive or (tool.is_write and self._approval == "writes")

    def _own_leash(self) -> Leash:
        if self._leash is None:
            self._leash = Leash(PipedriveHook(self.pipedrive_conn_id), self._max_tokens, self._max_records)
        return self._leash


def _reason(error: PipedriveError) -> str:
    if isinstance(error, PipedriveTokenCapError):
        return "the API tokens that this run may spend are spent."
    return str(error)
