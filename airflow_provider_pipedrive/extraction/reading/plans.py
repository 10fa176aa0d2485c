"""What each strategy writes down before it reads, so that another run can continue: one class a strategy, tagged.

As JSON a plan is an object with its tag in ``strategy``, which is also how receipts and manifests call the strategy.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.reading.sink import PartSink


class ReadPlan(msgspec.Struct, frozen=True, tag_field="strategy", omit_defaults=True):
    """What a strategy needs to know to continue."""

    @property
    def strategy(self) -> str:
        """The name of the strategy that it is a plan of."""
        return str(self.__struct_config__.tag)


class WalkPlan(ReadPlan, frozen=True):
    """Of a whole list.

    :ivar began: when the walk began, by Pipedrive's clock: RFC 3339
    :ivar walked: whether all of the walk is in finished parts: what is left is the proof, and to catch up
    :ivar never_updated: whether some of the first records have no time of last update
    :ivar highest: the greatest id when the walk began
    :ivar expected: about how many records there are
    """

    began: str
    walked: bool = False
    never_updated: bool = False
    highest: int = 0
    expected: int = 0


class WindowsPlan(WalkPlan, frozen=True, tag="windows"):
    """Of a list that is read through windows of last updates."""


class BidirectionalPlan(WalkPlan, frozen=True, tag="bidirectional"):
    """Of a list that is read by id, from both ends."""


class FrontToBackPlan(WalkPlan, frozen=True, tag="front to back"):
    """Of a list that is read on one connection."""


class ChangesPlan(ReadPlan, frozen=True):
    """Of what was updated in a window.

    :ivar since: where the window begins, RFC 3339
    :ivar until: where it ends, not included
    """

    since: str
    until: str


class WindowPlan(ChangesPlan, frozen=True, tag="window"):
    """Of a list that takes a window."""


class SincePlan(ChangesPlan, frozen=True, tag="since, its end applied here"):
    """Of a list that takes the begin of a window."""


class NewestPlan(ChangesPlan, frozen=True, tag="newest first"):
    """Of a list that is read newest first, down to the begin of a window."""


class WholePlan(ChangesPlan, frozen=True, tag="whole: the list has no window"):
    """Of a list that can only be read whole."""


class ParentsPlan(ReadPlan, frozen=True, tag="by batches of parents' ids"):
    """Of a list that is read by its parents' ids.

    :ivar batches: the ids, as they are sent, a batch a request
    """

    batches: list[list[Identity]]


class ChangelogsPlan(ReadPlan, frozen=True, tag="changelogs"):
    """Of records' changelogs.

    :ivar deals: whose changelogs, in the order in which they are read
    :ivar since: where the window begins, None for whole histories
    :ivar until: where the window or the histories end, None for the present
    """

    deals: list[int]
    since: str | None = None
    until: str | None = None


class ObservedPlan(ReadPlan, frozen=True, tag="observed"):
    """Of what two readings of a list show."""


AnyPlan = (
    WindowsPlan
    | BidirectionalPlan
    | FrontToBackPlan
    | WindowPlan
    | SincePlan
    | NewestPlan
    | WholePlan
    | ParentsPlan
    | ChangelogsPlan
    | ObservedPlan
)
P = TypeVar("P", bound=ReadPlan)


def load_plan(sink: PartSink, *kinds: type[P]) -> P | None:
    """The plan of a run that did not end; None for a new run.

    :param kinds: the plans that the strategy can continue
    :raises PipedriveParameterError: it is another strategy's, or another version's
    """
    kept = sink.load()
    if kept is None:
        return None
    plan: ReadPlan | None = None
    try:
        plan = msgspec.convert(kept, AnyPlan)
    except msgspec.ValidationError as error:
        raise _unreadable(kept, str(error)) from error
    if not isinstance(plan, kinds):
        raise _unreadable(kept, f"expected is {' or '.join(str(kind.__struct_config__.tag) for kind in kinds)}")
    return plan


def save_plan(sink: PartSink, plan: ReadPlan) -> None:
    """Keep a plan."""
    sink.save(msgspec.to_builtins(plan))


def _unreadable(kept: Any, why: str) -> PipedriveParameterError:
    return PipedriveParameterError(
        f"An earlier run that did not end left a plan of the strategy {kept.get('strategy')!r}, which this run cannot "
        f"continue ({why}). Continue with the version of the provider that began it, or remove the folder "
        "_pipedrive/unfinished: what was read is then read again."
    )
