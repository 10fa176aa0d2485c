"""Sensors: a deal's move, a new file, any record that comes to fulfil a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.parameters import check
from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.client.times import given_moment, write_time
from airflow_provider_pipedrive.client.values import plain as to_json_types
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.arguments import (
    number,
    patterns,
    record_id,
    record_ids,
    ref,
    refs,
    several,
)
from airflow_provider_pipedrive.events.waits.conditions import Condition, conditions
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs, Ref
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import WaitSpec
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage, ParametersKeptFromLineage, plain
from airflow_provider_pipedrive.sensors.waiting import WaitingSensor

ResolvedLater = Callable[[Any], bool]
Refs = Ref | Sequence[Ref]
_STATUSES = ("open", "won", "lost")


def _read_known(resolved_later: ResolvedLater, value: Any, read: Callable[[Any], Any]) -> Any:
    """What an argument says, ``None`` where it is not given or not known yet."""
    return None if value is None or resolved_later(value) else read(value)


def _since(value: Any) -> str:
    return write_time(given_moment("since", value))


class PipedriveDealStageSensor(WaitingSensor):
    """Wait for given deals, or for any deal, to make a move.

    With ``deal_id`` it counts where the deal is, whenever it came there; without, moves since ``since``. What is
    waited for is one of: ``to_stage``, ``from_stage``, both (one move from the one to the other), ``moves``,
    ``status``.

    The result is a dict: ``deal_id``, ``from_stage_id`` and ``from_stage`` (null where it is not known),
    ``to_stage_id``, ``to_stage``, ``time``, and how the deal is now: ``stage_id``, ``pipeline_id``, ``status``,
    ``title``, ``value``, ``currency``, ``owner_id``, ``person_id``, ``org_id``. For several deals, and for any deal, it
    is a list of these.

    :param deal_id: one or several (templated); without it, any deal
    :param to_stage: stages to come to, ids or names (templated)
    :param from_stage: stages to go from, ids or names (templated)
    :param pipeline: that the stages belong to, id or name (templated); alone with ``moves`` or ``status``: whose deals
        count
    :param moves: any move to another stage
    :param status: ``won`` or ``lost``, or a list; ``open`` for given deals (templated)
    :param require: whether ``all`` of the given deals, or ``any`` of them
    :param deal_owner: only this user's deals: id, name or e-mail address (templated)
    :param filter_id: only deals that this filter lists (templated)
    :param since: from when on moves count, a time with a zone or a day in UTC (templated); by default since the run
        began
    :param passed_through: count a stage that a deal has only passed through between two checks; a deal that has moved
        elsewhere then costs 20 tokens, for its history
    """

    template_fields: Sequence[str] = (
        "deal_id",
        "to_stage",
        "from_stage",
        "pipeline",
        "status",
        "deal_owner",
        "filter_id",
        "since",
        "pipedrive_conn_id",
    )
    trigger_name: ClassVar[str] = "PipedriveDealStageTrigger"
    deal_owner = KeptFromLineage()

    def __init__(
        self,
        *,
        deal_id: int | str | Sequence[int | str] | None = None,
        to_stage: Refs | None = None,
        from_stage: Refs | None = None,
        pipeline: Ref | None = None,
        moves: bool = False,
        status: str | Sequence[str] | None = None,
        require: Literal["all", "any"] = "all",
        deal_owner: Ref | None = None,
        filter_id: int | str | None = None,
        since: datetime | str | None = None,
        passed_through: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deal_id = deal_id
        self.to_stage = to_stage
        self.from_stage = from_stage
        self.pipeline = pipeline
        self.moves = moves
        self.status = status
        self.require = require
        self.deal_owner = deal_owner
        self.filter_id = filter_id
        self.since = since
        self.passed_through = passed_through
        self._check_when_parsing()

    def _spec(self, since: str, resolved_later: ResolvedLater) -> tuple[WaitSpec, NameRefs | None] | None:
        check_switches(self, "moves", "passed_through")
        self._find_contradictions()
        statuses = _read_known(resolved_later, self.status, self._statuses) or ()
        since = _read_known(resolved_later, self.since, _since) or since
        reaches = _read_known(resolved_later, self.to_stage, lambda value: refs("to_stage", value)) or ()
        leaves = _read_known(resolved_later, self.from_stage, lambda value: refs("from_stage", value)) or ()
        both = {str(item) for item in reaches} & {str(item) for item in leaves}
        if both:
            raise PipedriveParameterError(f"A deal cannot leave and reach the same stage: {', '.join(sorted(both))}.")
        deal_ids = _read_known(resolved_later, self.deal_id, lambda value: record_ids("deal_id", value)) or ()
        pipeline = _read_known(resolved_later, self.pipeline, lambda value: ref("pipeline", value))
        owner = _read_known(resolved_later, self.deal_owner, lambda value: ref("deal_owner", value))
        filter_id = _read_known(resolved_later, self.filter_id, lambda value: number("filter_id", value))
        if any(resolved_later(getattr(self, name)) for name in self.template_fields if name != "pipedrive_conn_id"):
            return None
        movement = Movement(moves=self.moves, statuses=statuses, passed_through=self.passed_through)
        names = NameRefs(reaches, leaves, pipeline, owner, filter_id)
        spec: WaitSpec
        if self.deal_id is None:
            spec = AnyDealWait(movement, since, self.since is None, filter_id=filter_id)
        elif deal_ids:
            single = not isinstance(self.deal_id, list | tuple | set) and len(deal_ids) == 1
            spec = DealsWait(deal_ids, movement, since, self.since is None, self.require, single)
        else:
            raise PipedriveParameterError("deal_id is an empty list: there is nothing to wait for.")
        return spec, names if names != NameRefs() else None

    def _find_contradictions(self) -> None:
        stages = self.to_stage is not None or self.from_stage is not None
        given = [name for name, is_given in (("to_stage or from_stage", stages), ("moves", self.moves)) if is_given]
        given += ["status"] if self.status is not None else []
        if not given:
            raise PipedriveParameterError("Say what to wait for: to_stage, from_stage, moves=True or status.")
        if len(given) > 1:
            raise PipedriveParameterError(f"{' and '.join(given)} contradict each other: give one of them.")
        if self.require not in ("all", "any"):
            raise PipedriveParameterError(f"require must be 'all' or 'any', not {self.require!r}.")
        narrowing = {"deal_owner": self.deal_owner, "filter_id": self.filter_id}
        if self.deal_id is None and self.require == "any":
            raise PipedriveParameterError("require='any' is for several deals: give deal_id, or leave require out.")
        for name, value in narrowing.items():
            if self.deal_id is not None and value is not None:
                raise PipedriveParameterError(f"{name} narrows down any deal: with deal_id, leave it out.")
        if self.deal_id is not None and self.pipeline is not None and not stages:
            raise PipedriveParameterError("pipeline says where stages belong: with deal_id alone, leave it out.")

    def _statuses(self, value: Any) -> tuple[str, ...]:
        statuses = tuple(dict.fromkeys(several(value)))
        wrong = [status for status in statuses if status not in _STATUSES]
        if wrong or not statuses:
            raise PipedriveParameterError(f"status must be among {', '.join(_STATUSES)}, not {value!r}.")
        if self.deal_id is None and "open" in statuses:
            raise PipedriveParameterError(
                "status='open' needs deal_id: Pipedrive does not say when a deal became open again."
            )
        return statuses


class PipedriveNewFileSensor(WaitingSensor):
    """Wait for a new file, attached to a record or anywhere.

    The result is the list of the files' metadata as Pipedrive gives it, the oldest first: ``id``, ``name``,
    ``file_size``, ``deal_id``, ``add_time`` (UTC) and so on.

    Pipedrive lists files by id. With ``after_id`` none is missed. With a time, the list is read down to 50 files in a
    row that are older: ids grow with time, but attachments of old mails that Pipedrive synchronises late have new ids
    and old times. 50 or more of them in a row hide new files with smaller ids than theirs.

    :param deal_id: files of this deal (templated); likewise ``person_id``, ``org_id``, ``product_id``, ``activity_id``
        and ``lead_id``: one of them, or none for files anywhere
    :param names: patterns of names such as ``*.pdf``, one or several, capital letters or not (templated)
    :param types: extensions such as ``pdf``, one or several (templated)
    :param min_size: in bytes
    :param max_size: in bytes
    :param uploader: only files that this user added: id, name or e-mail address (templated)
    :param inline_images: count the pictures in the text of mails
    :param mail_attachments: count what came with mails
    :param after_id: newer than the file with this id (templated)
    :param since: added from then on, a time with a zone (templated); without it and ``after_id``, since the run began
    :param max_files: how many are returned at most, the oldest first
    """

    template_fields: Sequence[str] = (
        "deal_id",
        "person_id",
        "org_id",
        "product_id",
        "activity_id",
        "lead_id",
        "names",
        "types",
        "uploader",
        "after_id",
        "since",
        "pipedrive_conn_id",
    )
    trigger_name: ClassVar[str] = "PipedriveNewFileTrigger"
    names = KeptFromLineage()

    def __init__(
        self,
        *,
        deal_id: int | str | None = None,
        person_id: int | str | None = None,
        org_id: int | str | None = None,
        product_id: int | str | None = None,
        activity_id: int | str | None = None,
        lead_id: str | None = None,
        names: str | Sequence[str] | None = None,
        types: str | Sequence[str] | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        uploader: Ref | None = None,
        inline_images: bool = False,
        mail_attachments: bool = False,
        after_id: int | str | None = None,
        since: datetime | str | None = None,
        max_files: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deal_id = deal_id
        self.person_id = person_id
        self.org_id = org_id
        self.product_id = product_id
        self.activity_id = activity_id
        self.lead_id = lead_id
        self.names = names
        self.types = types
        self.min_size = min_size
        self.max_size = max_size
        self.uploader = uploader
        self.inline_images = inline_images
        self.mail_attachments = mail_attachments
        self.after_id = after_id
        self.since = since
        self.max_files = max_files
        self._check_when_parsing()

    def _spec(self, since: str, resolved_later: ResolvedLater) -> tuple[WaitSpec, NameRefs | None] | None:
        links = {name: getattr(self, name) for name in self.template_fields[:6] if getattr(self, name) is not None}
        check_switches(self, "inline_images", "mail_attachments")
        if len(links) > 1:
            raise PipedriveParameterError(f"{' and '.join(links)}: a wait is for files of one record.")
        sizes = [self._size(name) for name in ("min_size", "max_size")]
        if None not in sizes and sizes[0] > sizes[1]:  # type: ignore[operator]
            raise PipedriveParameterError(f"min_size {self.min_size} is larger than max_size {self.max_size}.")
        if not number("max_files", self.max_files):
            raise PipedriveParameterError("max_files must be 1 or more.")
        names = _read_known(resolved_later, self.names, lambda value: patterns("names", value, "*.pdf")) or ()
        types = _read_known(resolved_later, self.types, lambda value: patterns("types", value, "pdf")) or ()
        links = {name: value if resolved_later(value) else record_id(name, value) for name, value in links.items()}
        if resolved_later(list(links.values())) or resolved_later(
            [getattr(self, name) for name in self.template_fields[6:-1]]
        ):
            return None
        given_since = None if self.since is None else _since(self.since)
        after_id = None if self.after_id is None else number("after_id", self.after_id)
        from_run = given_since is None and after_id is None
        link = next(iter(links), None)
        spec = FilesWait(
            link=link,
            record_id=None if link is None else links[link],
            after_id=after_id,
            since=since if from_run else given_since,
            local_clock=from_run,
            names=names,
            types=tuple(kind.lower().lstrip(".") for kind in types),
            min_size=self.min_size,
            max_size=self.max_size,
            inline_images=self.inline_images,
            mail_attachments=self.mail_attachments,
            max_files=self.max_files,
        )
        return spec, None if self.uploader is None else NameRefs(user=ref("uploader", self.uploader))

    def _size(self, name: str) -> int | None:
        value = getattr(self, name)
        return None if value is None else number(name, value)


class PipedriveRecordSensor(WaitingSensor):
    """Wait for a record to fulfil conditions: any record that an action reads by its id, jobs of Pipedrive's too.

    The result is the record. A condition is ``(path, operator, value)``: the path leads into the record with dots
    (``custom_fields.<key>``), the operators are ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``in``, ``not in``,
    ``contains``, ``matches``, ``is set`` and ``is empty`` (these two without a value).

    :param action: the read of one record, such as ``getLead`` or ``getDealConversionStatus`` (templated)
    :param parameters: its parameters, named as Pipedrive names them (templated)
    :param success: a condition, or a list of which all must hold (templated)
    :param failure: a condition, or a list of which one is enough: what is waited for will not come (templated)
    """

    template_fields: Sequence[str] = ("action", "parameters", "success", "failure", "pipedrive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    trigger_name: ClassVar[str] = "PipedriveRecordTrigger"
    parameters = ParametersKeptFromLineage()
    success = KeptFromLineage()
    failure = KeptFromLineage()

    def __init__(
        self,
        *,
        action: str,
        parameters: Mapping[str, Any],
        success: Any,
        failure: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.action = action
        self.parameters = parameters
        self.success = success
        self.failure = failure
        self._check_when_parsing()

    def _spec(self, since: str, resolved_later: ResolvedLater) -> tuple[WaitSpec, NameRefs | None] | None:
        if not resolved_later(self.action):
            self._check_action(resolved_later)
        success = self._conditions("success", resolved_later)
        failure = self._conditions("failure", resolved_later)
        if success == ():
            raise PipedriveParameterError("success: say what to wait for, such as ('status', '==', 'won').")
        if success is None or failure is None or resolved_later(self.action) or resolved_later(plain(self.parameters)):
            return None
        return RecordWait(self.action, to_json_types(plain(self.parameters), "v2"), success, failure), None

    def _check_action(self, resolved_later: ResolvedLater) -> None:
        action = get_action(self.action)
        if action.result != "record" or not action.is_read or action.lifecycle == "removed":
            raise PipedriveParameterError(f"{self.action} does not read one record: give an action such as getDeal.")
        parameters = plain(self.parameters)
        if not resolved_later(parameters) or isinstance(parameters, Mapping):
            if not isinstance(parameters, Mapping):
                raise PipedriveParameterError(f"parameters must be a dict, not {type(parameters).__name__}.")
            check(action, parameters, resolved_later)

    def _conditions(self, name: str, resolved_later: ResolvedLater) -> tuple[Condition, ...] | None:
        given = getattr(self, name)
        return None if resolved_later(given) else conditions(name, given)
