"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

PLAN_BURST = {"api_token": 20, "oauth": 80}
"""Requests per rolling 2 s on the Lite plan.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""


def _setting(default: Any, meaning: str, secret: bool = False) -> Any:
    return field(default=default, metadata={"meaning": meaning}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of a sandbox. Each field's metadata has its meaning, for the command's help and the page."""

    deals: int = _setting(50, "how many deals the company has; the rest goes with it")
    seed: int = _setting(1, "the same seed gives the same company, another one another company with another id")
    api_token: str = _setting("sandbox-token", "the administrator's API token", secret=True)
    client_id: str = _setting("sandbox-client", "the OAuth app's id")
    client_secret: str = _setting("sandbox-secret", "the OAuth app's secret", secret=True)
    refresh_token: str = _setting(
        "sandbox-refresh-token", "a refresh token that is authorized from the beginning", secret=True
    )
    burst_limit: int | Literal["lite"] | None = _setting(
        None,
        "requests per rolling 2 s for each credential, of which 10 may be searches; 'lite' is the smallest plan "
        "(20 for the API token, 80 for OAuth), None no limit (the headers then say 400)",
    )
    daily_budget: int | None = _setting(
        None,
        "the company's API tokens in a UTC day; None never runs out (the headers then count down from 150,000 to 1)",
    )
    latency_ms: float = _setting(0.0, "milliseconds added to every answer")
    scopes: tuple[str, ...] | None = _setting(None, "what OAuth grants carry; None is every scope")
    rotate_refresh_tokens: bool = _setting(False, "each refresh gives a new refresh token and kills the old one")
    redirect_uri: str | None = _setting(None, "the only callback URL that the app has registered; None takes any")
    download_redirect: bool = _setting(False, "downloads redirect to a storage path that refuses credentials")
    contact_sync: bool = _setting(
        False,
        "persons have postal_address, notes, im, birthday and job_title; without it, writing them gives 403",
    )
    conversion_reads: int = _setting(2, "how often a conversion's status is read before it is completed")
