"""Names of what an agent reads: looked up once a run, while the call that shows them first is on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.fields import DEFINITIONS
from airflow_provider_pipedrive.errors import PipedriveError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

_LISTS: Final = {"stages": "getStages", "pipelines": "getPipelines", "users": "getUsers"}
_SHOWN: Final = {"deals": tuple(_LISTS)} | dict.fromkeys(
    ("persons", "organizations", "products", "leads", "activities", "notes"), ("users",)
)
"""The lists whose names records are shown with, by the records' entity."""


class CompanyNames:
    """Names of stages, pipelines and users by their ids, and of custom fields.

    :param client: what reads them; it keeps the fields itself
    """

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client
        self._directory = Directory(client)
        self._names: dict[str, Mapping[Any, str]] = {}
        self._begun: set[str] = set()

    def __call__(self, what: str) -> Mapping[Any, str]:
        """The names of ``stages``, ``pipelines`` or ``users``; none where the credential may not read them."""
        if what not in self._names:
            self._names[what] = {}
            with suppress(PipedriveError):
                self._names[what] = {item["id"]: str(item["name"]) for item in getattr(self._directory, what)}
        return self._names[what]

    @contextmanager
    def read_ahead(self, action: str, tokens: int) -> Iterator[None]:
        """Read what the records of an action are shown with while the block asks for them.

        :param tokens: API tokens that may be spent; what does not fit in is left to be read afterwards, if at all
        """
        reads = self._unread(action, tokens)
        if not reads:
            yield
            return
        with ThreadPoolExecutor(len(reads), thread_name_prefix="pipedrive-names") as pool:
            for read in reads:
                pool.submit(read)
            yield

    def _unread(self, action: str, tokens: int) -> list[Callable[[], Any]]:
        """How to read what is not known yet of the records that an action answers."""
        entity, *rest = ACTIONS[action].path.removeprefix("/api/v2/").removeprefix("/v1/").split("/")
        if entity in self._begun or rest not in ([], ["{id}"]):
            return []
        lists = [name for name in _SHOWN.get(entity, ()) if name not in self._names]
        fields = DEFINITIONS[entity].list_action if entity in DEFINITIONS else None
        keys = [action, *(_LISTS[name] for name in lists), *([fields] if fields else [])]
        if sum(ACTIONS[key].token_cost for key in keys) > tokens:
            return []
        self._begun.add(entity)
        reads: list[Callable[[], Any]] = [partial(self, name) for name in lists]
        return [*reads, partial(self._client.learn_fields, action)] if fields else reads
