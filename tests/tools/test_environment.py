"""Environments are installed by uv with pip's settings, and by pip where uv cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import environment
import pytest
from pytest_mock import MockerFixture


def test_uv_is_told_the_index_and_certificates_of_pip_and_nothing_else_of_its_settings(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://from.file/simple\ncert = /etc/file.pem\ntimeout = 5\n")
    # The file that this variable names is read last of the files; what is set by other variables counts before it.
    settings = {"PIP_CONFIG_FILE": str(file), "PIP_INDEX_URL": "https://user:word@from.environment/simple"}
    assert environment._settings_of_pip(settings) == {
        "UV_DEFAULT_INDEX": "https://user:word@from.environment/simple",
        "SSL_CERT_FILE": "/etc/file.pem",
    }


@pytest.mark.parametrize(
    ("uv", "what", "installed", "said"),
    [
        ("true", ["--no-such-option"], True, False),
        ("false", ["--help"], True, True),
        ("false", ["--no-such-option"], False, True),
        (None, ["--help"], True, True),
    ],
)
def test_pip_installs_what_uv_cannot_and_says_so(
    mocker: MockerFixture,
    capfd: pytest.CaptureFixture[str],
    uv: str | None,
    what: list[str],
    installed: bool,
    said: bool,
) -> None:
    mocker.patch.object(environment, "_uv", return_value=uv)
    assert environment._install(Path(sys.executable), [*what]) is installed
    assert ("pip does it" in capfd.readouterr().out) is said
