"""Talking to the person at the terminal: exit codes, and what is shown."""

from __future__ import annotations

from argparse import Namespace

import pytest

from airflow_provider_pipedrive.cli.terminal import checked_arguments, command, printable, usage_error
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (PipedriveError("Pipedrive is down."), 1, "Error: Pipedrive is down.\n"),
        (PipedriveParameterError("wrong"), 1, "Error: wrong\n"),
        (usage_error("Give a folder."), 2, "Error: Give a folder.\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
    ],
)
def test_an_expected_error_ends_a_command_with_a_line_and_an_exit_code(
    error: BaseException, code: int, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @command
    def fail(options: Namespace) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        fail(Namespace())
    assert (ended.value.code, capsys.readouterr().err) == (code, shown)


def test_a_fault_of_the_program_is_not_hidden() -> None:
    @command
    def fail(options: Namespace) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(Namespace())


def test_a_wrong_parameter_among_the_arguments_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    @command
    def fail(options: Namespace) -> None:
        with checked_arguments("--host: "):
            raise PipedriveParameterError("not a host")

    with pytest.raises(SystemExit) as ended:
        fail(Namespace())
    assert (ended.value.code, capsys.readouterr().err) == (2, "Error: --host: not a host\n")


def test_text_is_shown_on_one_line_and_cannot_steer_the_terminal() -> None:
    assert printable("Eve\x1b[2J\r\n of  Acme") == "Eve?[2J of Acme"
