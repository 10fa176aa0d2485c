"""Talking to the person at the terminal.

What was asked for (scopes, actions, a printed connection) goes to standard output, everything else to standard error,
so that the output can be piped on.
"""

from __future__ import annotations

import argparse
import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

FAILED = 1
CALLED_WRONGLY = 2
INTERRUPTED = 130

Command = Callable[[argparse.Namespace], None]


class _UsageError(PipedriveParameterError):
    """The command was called wrongly."""


def usage_error(text: str) -> PipedriveParameterError:
    """What to raise where the command was called wrongly: it ends with another exit code."""
    return _UsageError(text)


@contextmanager
def checked_arguments(prefix: str = "") -> Iterator[None]:
    """Take a wrong parameter for a wrong call.

    :param prefix: what the message begins with, such as the option's name
    """
    try:
        yield
    except PipedriveParameterError as error:
        raise _UsageError(f"{prefix}{error}") from None


def command(run: Command) -> Command:
    """A command whose expected errors end it with one line and an exit code, not with a traceback."""

    @functools.wraps(run)
    def guarded(options: argparse.Namespace) -> None:
        try:
            run(options)
            sys.stdout.flush()
        except _UsageError as error:
            say(f"Error: {error}")
            raise SystemExit(CALLED_WRONGLY) from None
        except PipedriveError as error:
            say(f"Error: {error}")
            raise SystemExit(FAILED) from None
        except BrokenPipeError:  # whoever read the output has seen enough, such as head
            # Python would write what is left when it ends: https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:
            say("Stopped.")
            raise SystemExit(INTERRUPTED) from None

    return guarded


def say(text: str) -> None:
    """A line to the person."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def put(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(line + "\n")


def ask(question: str, default: str = "", nobody: str | None = None) -> str:
    """The person's answer; ``default`` for an empty one, and ``nobody`` (default: the same) where nobody is there."""
    sys.stderr.write(printable(question) + " ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line and nobody is not None:
        return nobody
    return line.strip() or default


def confirmed(question: str) -> bool:
    """Whether the person says yes; where nobody is there, nobody does."""
    return ask(f"{question} [y/N]").lower() in ("y", "yes")


def ask_secret(question: str) -> str:
    """What the person types, without showing it; empty where nobody is there."""
    try:
        return getpass.getpass(question).strip()
    except EOFError:
        return ""


def printable(text: str) -> str:
    """Text on one line. Names come from Pipedrive, and control characters could rewrite the screen."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
