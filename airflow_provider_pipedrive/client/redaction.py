"""The one place that keeps secrets out of everything that is shown."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 4  # anything shorter would blank out innocent text


class Redactor:
    """Replaces known secrets, also in their URL-quoted form, by ``***``.

    :param secrets: what must never be shown; more can be added when tokens are renewed
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self.forms: tuple[str, ...] = ()
        """All spellings of the secrets, longest first, so that a secret within another leaves no rest."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Learn another secret."""
        if secret and len(secret) >= _SHORTEST:
            spellings = {*self.forms, secret, quote(secret, safe=""), quote_plus(secret), quote(secret)}
            self.forms = tuple(sorted(spellings, key=lambda form: (-len(form), form)))

    def __call__(self, text: str) -> str:
        """``text`` without the secrets."""
        for form in self.forms:
            text = text.replace(form, MASK)
        return text
