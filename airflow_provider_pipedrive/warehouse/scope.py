"""Whose rows a table holds, and which: what decides whether a load may go on from the one before, or at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from airflow_provider_pipedrive.errors import PipedriveParameterError

_MEANING: Final = {"private": "exclude, hash or hash_key", "rename": "rename (whether columns follow fields)"}
"""What a user knows parts of a scope as."""


@dataclass(frozen=True)
class Scope:
    """What the rows of a table belong to. It is kept in the dataset, with the rows.

    :ivar company: the company's id in Pipedrive
    :ivar user: the user's who read them
    :ivar parameters: what narrowed the list down, as JSON
    :ivar lists: ``json`` or ``child_tables``
    :ivar versions: ``latest`` or ``all``
    :ivar rename: whether columns follow fields that are renamed
    :ivar private: what is left out of the records or hashed, and which key the hashes are made with, as JSON
    :ivar writer: who loads the table: DAG, task and map index
    """

    company: int | None
    user: int | None
    parameters: str
    lists: str
    versions: str
    rename: bool
    private: str
    writer: str

    def to_json(self) -> dict[str, Any]:
        """To be kept."""
        return asdict(self)

    def changes(self, kept: Mapping[str, Any]) -> list[str]:
        """What is another than in the kept scope. A load reads on where the one before ended if nothing is; else it
        reads the whole list."""
        mine = self.to_json()
        return [_MEANING.get(name, name) for name in mine if name != "writer" and mine[name] != kept.get(name)]

    def check(self, entity: str, states: Mapping[str, Mapping[str, Any]], place: str, *, confirmed: bool) -> None:
        """Refuse what would mix or replace the rows of others.

        :param states: what is kept of each entity of the dataset
        :param place: the dataset, for the error
        :param confirmed: another user of the same company is right (``allow_shrink``)
        :raises PipedriveParameterError: the dataset or the table is not for these rows
        """
        scopes = {name: state["scope"] for name, state in states.items() if state.get("scope")}
        for name, kept in scopes.items():
            if kept["company"] != self.company:
                raise PipedriveParameterError(
                    f"{place} holds {name} of company {kept['company']}, and this connection reads company "
                    f"{self.company}. A dataset holds the rows of one company: give each account a dataset of its own."
                )
        kept = scopes.get(entity)
        if kept is None:
            return
        if kept["user"] != self.user and not confirmed:
            raise PipedriveParameterError(
                f"{entity} in {place} was read as user {kept['user']}, and this connection is user {self.user} of the "
                "same company, who may see other records. Use the connection of the first one; or, if the change is "
                "right, set allow_shrink: the list is then read whole as the new user."
            )
        if kept["parameters"] != self.parameters and kept["writer"] != self.writer:
            raise PipedriveParameterError(
                f"{entity} in {place} is loaded by {kept['writer']} with the parameters {kept['parameters']}, and "
                f"{self.writer} asks for {self.parameters}: each would remove the rows of the other. Give one of them "
                "another dataset."
            )
