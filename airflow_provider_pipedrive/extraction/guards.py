"""What must be so before anything is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.context import EntityRun, ExtractionContext
from airflow_provider_pipedrive.extraction.entities import HISTORIES
from airflow_provider_pipedrive.extraction.storage.files import on_each, read_json
from airflow_provider_pipedrive.extraction.storage.versioned import replace_versioned

_COMPANY = "company.json"
_SHRINK = 0.1


def refuse_another_company(context: ExtractionContext) -> bool:
    """Ids, columns and what was landed once mean something within one company only, whatever window is read.

    :returns: whether the folder is this company's; if not, it is nobody's yet
    :raises PipedriveParameterError: the folder holds another company's data
    """
    kept = read_json(context.kept(_COMPANY))
    if kept is not None and kept["company_id"] != context.account["company_id"]:
        raise PipedriveParameterError(
            f"{context.path} holds data of company {kept['company_id']}, and this connection reads company "
            f"{context.account['company_id']}. Nothing was published: give each account a place of its own."
        )
    return kept is not None


def keep_company(context: ExtractionContext) -> None:
    """From now on the folder is this company's; of two that begin at once one gets it.

    :raises PipedriveParameterError: another company has it
    """
    if not replace_versioned(context.kept(_COMPANY), {"company_id": context.account["company_id"]}, None):
        refuse_another_company(context)


def refuse_shrunk(context: ExtractionContext, entities: Iterable[EntityRun]) -> None:
    """A snapshot that is much smaller than the one before, or of another user, is published when that is confirmed.

    :raises PipedriveParameterError: it is so, and not confirmed
    """
    if context.job.allow_shrink:
        return
    checked = [
        each
        for each in entities
        if each.window is None and not each.staging.publication.is_begun and each.name not in HISTORIES
    ]
    before = on_each(read_json, [context.last_snapshot(each.name) for each in checked], context.path)
    for each, last in zip(checked, before, strict=True):
        _refuse_shrunk(context, each, last)


def _refuse_shrunk(context: ExtractionContext, each: EntityRun, before: Mapping[str, Any] | None) -> None:
    if before is None:
        return
    if before["account"] != context.account:
        raise PipedriveParameterError(
            f"{each.name}: the last snapshot was read as user {before['account']['user_id']} of company "
            f"{before['account']['company_id']}, this one as user {context.account['user_id']}, who may see other "
            "records. Nothing was published: set allow_shrink if that is right."
        )
    rows = each.staging.rows - sum(len(each.outcome.dropped(part)) for part in each.staging.finished)
    if rows < before["rows"] * (1 - _SHRINK):
        raise PipedriveParameterError(
            f"{each.name}: {counted(rows, 'row')} came, the last snapshot had {before['rows']:,}: over 10 % fewer. The "
            "credential's user may see less than before. Nothing was published, and nothing counts as deleted: "
            "set allow_shrink if that is right."
        )
