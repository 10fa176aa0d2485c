"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

PLAN_BURST = {"api_token": 20, "oauth": 80}  # nosec B105 # a number of requests
"""Requests per rolling 2 s on the Lite plan.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""


FEWEST_CUSTOM_FIELDS = 16
"""One custom field of each type."""


def _setting(default: Any, meaning: str, secret: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """A field; ``choices`` has a setting that decides what nobody has seen of the live API."""
    if choices:
        meaning = f"{meaning}: {' or '.join(f'`{name}`' for name in choices)}"
    return field(default=default, metadata={"meaning": meaning, "choices": choices or None}, repr=not secret)


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
    custom_fields: int = _setting(
        87, "how many custom fields deals have; the first 16 are one of each type and often set, the others seldom"
    )
    unset_custom_fields: Literal["null", "absent"] = _setting(
        "null", "custom fields without a value in a record", choices=("null", "absent")
    )
    v1_out_of_support: Literal["refuse", "answer"] = _setting(
        "refuse",
        "reads of the v1 operations out of support since 2026-08-01, which may remain functional",
        choices=("refuse", "answer"),
    )
    unknown_query: Literal["refuse", "answer"] = _setting(
        "refuse", "names in a query of v2 that the operation does not have", choices=("refuse", "answer")
    )
    boolean_spelling: Literal["exact", "any"] = _setting(
        "exact", "`true` and `false` in queries of v2, exact or in any case", choices=("exact", "any")
    )
    old_since_timestamp: Literal["refuse", "answer"] = _setting(
        "refuse", "recents since more than a month ago", choices=("refuse", "answer")
    )
    v1_sets: Literal["text", "list"] = _setting(
        "text", "options of a custom field of type set in v1, `12,1` or a list", choices=("text", "list")
    )

    def __post_init__(self) -> None:
        """Refuse a choice that there is not."""
        for setting in fields(self):
            choices = setting.metadata.get("choices")
            if choices and getattr(self, setting.name) not in choices:
                value = getattr(self, setting.name)
                raise ValueError(f"{setting.name}={value!r} is not one of {', '.join(choices)}.")
        if self.custom_fields < FEWEST_CUSTOM_FIELDS:
            raise ValueError(f"custom_fields={self.custom_fields} is too few: give {FEWEST_CUSTOM_FIELDS} or more.")

    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "names (host.docker.internal) that requests may come by, besides loopback addresses and pipedrive.com's; "
        "others are refused, for a web page can point its own name at this machine",
    )
