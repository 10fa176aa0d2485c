"""Assets are named ``pipedrive://company/entity``: the deals of a company are ``pipedrive://acme/deals``.

Airflow finds the functions below by the provider's metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_pipedrive.client.hosts import company_of
from airflow_provider_pipedrive.extraction.entities import get_entity
from airflow_provider_pipedrive.hooks.lineage import SCHEME

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset
    from airflow.providers.common.compat.sdk import Asset

EACH = "each"
"""After the entity: an event for each change, see docs/webhooks.md."""


def asset_uri(company: str, entity: str) -> str:
    """The URI of a company's records.

    :param company: as in the company's address, ``acme`` for ``acme.pipedrive.com``; the whole host for another one
    :param entity: such as ``deals``
    :raises PipedriveParameterError: the company is not such a name, or there is no such entity
    """
    name = company_of(company)
    return f"{SCHEME}://{name}/{get_entity(entity).name}"


def create_asset(*, company: str, entity: str, extra: dict[str, Any] | None = None) -> Asset:
    """The asset of a company's records."""
    from airflow.providers.common.compat.sdk import Asset

    return Asset(uri=asset_uri(company, entity), extra=extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """What Airflow makes of such a URI: the company's name, and an entity.

    :raises ValueError: it does not name a company and what of it: nothing would ever happen to such an asset
    """
    entity, _, rest = uri.path.strip("/").partition("/")
    if not uri.netloc.isascii() or not uri.netloc or not entity or rest not in ("", EACH) or uri.query:
        raise ValueError(
            f"A Pipedrive asset is named {SCHEME}://company/entity, such as {SCHEME}://acme/deals, or {SCHEME}://"
            f"company/entity/{EACH}, not {uri.geturl()!r}."
        )
    path = [get_entity(entity.lower()).name, *filter(None, [rest])]
    return uri._replace(netloc=company_of(uri.netloc.lower()), path="/" + "/".join(path))


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> OpenLineageDataset:
    """The data set that lineage knows such an asset by: the company is the namespace."""
    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset

    parts = urlsplit(asset.uri)
    return OpenLineageDataset(namespace=f"{SCHEME}://{parts.netloc}", name=parts.path.lstrip("/"))
