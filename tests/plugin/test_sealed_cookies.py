"""What the browser keeps for us: it can be neither read nor made up, nor used for something else or later."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.plugin.sealed_cookies import LONGEST, seal, unseal
from tests.support.web_app import Clock

VALUE = {"code": "a-code-of-pipedrive"}


def test_what_was_sealed_is_read_again_and_by_nobody_else() -> None:
    sealed = seal("code", VALUE)
    assert unseal("code", sealed, 60) == VALUE
    assert "a-code-of-pipedrive" not in sealed
    assert sealed != seal("code", VALUE)


def test_it_is_good_for_one_use_only() -> None:
    assert unseal("grant", seal("code", VALUE), 60) is None


def test_it_is_good_for_a_while_only(clock: Clock) -> None:
    sealed = seal("code", VALUE)
    clock.passed = 61
    assert unseal("code", sealed, 60) is None


@pytest.mark.parametrize("text", [None, "", "forged", "gAAAAA", "\u00e4" * 50, "x" * (LONGEST + 1)], ids=str)
def test_anything_else_is_nothing(text: str | None) -> None:
    assert unseal("code", text, 60) is None


def test_one_changed_sign_is_enough() -> None:
    sealed = seal("code", VALUE)
    middle = len(sealed) // 2
    changed = "A" if sealed[middle] != "A" else "B"
    assert unseal("code", sealed[:middle] + changed + sealed[middle + 1 :], 60) is None


def test_another_secret_of_airflows_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal("code", VALUE)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "another-secret-of-the-web-servers")
    assert unseal("code", sealed, 60) is None


def test_without_a_secret_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "")
    with pytest.raises(PipedriveParameterError, match="nothing can be kept safely"):
        seal("code", VALUE)
