"""What the browser keeps for us: encrypted, signed, dated, and good for one use only.

Nothing is kept in this process, since the web server may run as several, on several machines.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from airflow.configuration import conf
from cryptography.fernet import Fernet, InvalidToken

from airflow_provider_pipedrive.accounts.status import now
from airflow_provider_pipedrive.errors import PipedriveParameterError

LONGEST = 8192
"""Characters of the longest text that is looked at."""


def seal(use: str, value: Mapping[str, Any]) -> str:
    """``value`` as text that only :func:`unseal` reads, and only for the same ``use``."""
    return _key(use).encrypt_at_time(json.dumps(value).encode(), int(now().timestamp())).decode()


def unseal(use: str, text: str | None, seconds: int) -> dict[str, Any] | None:
    """What was sealed for this use at most so many seconds ago; ``None`` where the text is anything else."""
    if not text or len(text) > LONGEST:
        return None
    try:
        found = json.loads(_key(use).decrypt_at_time(text.encode(), seconds, int(now().timestamp())))
    except (InvalidToken, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _key(use: str) -> Fernet:
    """A key for one use, from the secret that all of Airflow's web servers share.

    :raises PipedriveParameterError: Airflow has no such secret
    """
    secret = conf.get("core", "fernet_key", fallback="") or conf.get("api", "secret_key", fallback="")
    if not secret:
        raise PipedriveParameterError(
            "Airflow has neither [core] fernet_key nor [api] secret_key, so nothing can be kept safely: set one."
        )
    digest = hashlib.sha256(f"airflow-provider-pipedrive {use} {secret}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
