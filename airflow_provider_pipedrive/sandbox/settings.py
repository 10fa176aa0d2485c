"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PLAN_BURST = {"api_token": 20, "oauth": 80}
"""Requests per rolling 2 s on the Lite plan.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of a sandbox.

    ``deals``, ``seed``: size and seed of the company that stands in it. ``api_token``: the administrator's token.
    ``burst_limit``: requests per rolling 2 s for each credential; ``"lite"`` is Pipedrive's smallest plan (20 for the
    API token, 80 for OAuth), ``None`` no limit (the headers then say 400). Where there is a limit, searches have 10
    per 2 s. ``daily_budget``: the company's API tokens per UTC day; ``None`` never runs out (the headers then count
    down from 150,000 and stop at 1). ``latency_ms``: time added to each answer of the API. ``scopes``: what OAuth
    grants carry; ``None`` means every scope. ``rotate_refresh_tokens``: a refresh gives a new refresh token and kills
    the old one. ``redirect_uri``: the only callback URL that the app has registered; ``None`` takes any.
    ``download_redirect``: downloads answer with a redirect to a storage path that refuses credentials.
    ``contact_sync``: persons have ``postal_address``, ``notes``, ``im``, ``birthday`` and ``job_title``; without it,
    writing them gives 403. ``conversion_reads``: how often a conversion's status is read before it is completed.
    """

    deals: int = 50
    seed: int = 1
    api_token: str = "sandbox-token"
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"
    refresh_token: str = "sandbox-refresh-token"
    burst_limit: int | Literal["lite"] | None = None
    daily_budget: int | None = None
    latency_ms: float = 0
    scopes: tuple[str, ...] | None = None
    rotate_refresh_tokens: bool = False
    redirect_uri: str | None = None
    download_redirect: bool = False
    contact_sync: bool = False
    conversion_reads: int = 2
