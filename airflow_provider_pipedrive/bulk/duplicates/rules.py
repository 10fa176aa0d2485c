"""What speaks for and against two records being one, and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveParameterError

_PERSONS: Final = {
    "at first": -3.5,
    "name same": 3.0, "name near": 2.5, "name part": 2.0, "name short": 1.5, "name doubtful": 0.5, "name single": 0.5,
    "name family": -1.5, "name conflict": -5.0, "name different": -6.0,
    "email same": 3.5, "email shared": 1.0, "email near": 1.0, "email differs": -0.5, "email numbered": -2.0,
    "phone same": 2.5, "phone shared": 1.0, "phone differs": -0.5,
    "organization same": 1.5, "organization differs": -0.5, "domain same": 1.5,
    "birthday same": 2.0, "birthday differs": -4.0,
}  # fmt: skip
_ORGANIZATIONS: Final = {
    "at first": -3.0,
    "name same": 3.0, "name near": 2.0, "name part": 1.0, "name doubtful": 0.0, "name conflict": -3.0,
    "name different": -4.0, "name rare": 0.5, "legal form differs": -1.0,
    "website same": 2.5, "website differs": -1.5, "linkedin same": 2.5, "size same": 1.0, "size differs": -1.0,
    "address same": 2.0, "address near": 1.0, "address differs": -1.5,
}  # fmt: skip
_DEALS: Final = {
    "at first": -3.0,
    "title same": 2.0, "title near": 1.5, "title usual": 1.0, "title part": -1.0, "title doubtful": -1.0,
    "title conflict": -3.0, "title different": -4.0,
    "organization same": 1.5, "organization differs": -2.0, "person same": 1.5, "person differs": -1.5,
    "value same": 1.5, "value differs": -1.5, "pipeline differs": -1.0, "made together": 0.5, "made apart": -1.0,
    "closed apart": -4.0,
}  # fmt: skip
_IDENTIFIERS: Final = {"identifier same": 4.0, "identifier differs": -6.0}

WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "persons": {**_PERSONS, **_IDENTIFIERS},
        "organizations": {**_ORGANIZATIONS, **_IDENTIFIERS},
        "deals": {**_DEALS, **_IDENTIFIERS},
        "leads": {**_DEALS, **_IDENTIFIERS},
    }
)
"""By entity, each thing that two records are asked for: the decimal logarithm of how many times more often it is seen
of duplicates than of other pairs. ``at first`` is what a pair has before anything is looked at."""


@dataclass(frozen=True)
class DuplicateRules:
    """Which records are taken for one.

    :ivar least_score: the score, from 0 to 1, from which on a pair is reported
    :ivar identifiers: custom fields, by name or key, that tell records apart: equal ones speak for a duplicate,
        different ones against it more than anything else
    :ivar weights: other weights than :data:`WEIGHTS`, by name
    :ivar no_company: more hosts of e-mail addresses and web pages that say nothing about a company
    :ivar largest_block: records that may have one key, such as an office's phone number, before it is passed over
    """

    least_score: float = 0.75
    identifiers: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    no_company: Sequence[str] = ()
    largest_block: int = 50

    def check(self, entity: Any) -> None:
        """Find what is wrong.

        :raises PipedriveParameterError: something is
        """
        if entity not in WEIGHTS:
            near = nearest(entity, WEIGHTS, cutoff=0.75)
            hint = f"Did you mean {near[0]!r}?" if near else f"They are found among {', '.join(WEIGHTS)}."
            raise PipedriveParameterError(f"Duplicates cannot be found among {entity!r}. {hint}")
        if not isinstance(self.least_score, int | float) or not 0 < self.least_score < 1:
            raise PipedriveParameterError(f"least_score must be a number between 0 and 1, not {self.least_score!r}.")
        check_count("largest_block", self.largest_block, least=2)
        for name in ("identifiers", "no_company"):
            if isinstance(getattr(self, name), str):
                raise PipedriveParameterError(f"{name} must be a list of texts, not {getattr(self, name)!r}.")
        for name, weight in self.weights.items():
            if name not in WEIGHTS[entity]:
                near = nearest(name, WEIGHTS[entity], cutoff=0.6)
                hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(WEIGHTS[entity])}."
                raise PipedriveParameterError(f"weights: {name!r} is not a weight of {entity}. {hint}")
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise PipedriveParameterError(f"weights: {name} must be a number, not {weight!r}.")

    def weights_of(self, entity: str) -> dict[str, float]:
        """The weights that count."""
        return {**WEIGHTS[entity], **self.weights}
