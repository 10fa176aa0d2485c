"""What goes over the wire for every parameter of every operation, against Pipedrive's official client: alone and all
together, each value of an enumeration, null where it is allowed, and what is inside objects.

``node_client_facts.json`` says how that client writes a request; :func:`official` is a small one that does so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import third_party

from airflow_provider_pipedrive.catalog import ACTIONS, Action, Parameter
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.parameters import bind
from airflow_provider_pipedrive.client.prepared import prepare
from airflow_provider_pipedrive.client.uploads import Upload
from tests.catalog.test_against_node_client import ROWS, TABLE, key_of
from tests.support.scripted_server import ScriptedServer, envelope

FACTS = {key_of(row, ROWS): row for row in ROWS}
CALLED = [key for key in FACTS if ACTIONS[key].lifecycle != "removed"]
FIELD = "0123456789abcdef0123456789abcdef01234567"
PLAIN: dict[str, list[Any]] = {
    "boolean": [False, True],
    "string": ["text", 'ü & = ? / + %20 "q" \'', "7", "true"],
    "file": [b"content"],
}
ITEMS: dict[str, list[Any]] = {
    "integer": [7, 8],
    "number": [7, 8.5],
    "string": ["f08b42a0-4e75-11ea-9643-03698ef1cfd6", "f08b69b0-4e75-11ea-9643-03698ef1cfd6"],
}
TIMES = {"v1": "2026-01-31 12:00:00", "v2": "2026-01-31T12:00:00Z"}


class Wire(NamedTuple):
    """A request as it is meant, whatever the order of its parts."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: Any


def official(row: dict[str, Any], given: dict[str, Any]) -> Wire:
    """What the official client makes of the parameters."""
    path, query, body = row["path"], list[tuple[str, str]](), dict[str, Any]()
    for fact in row["parameters"]:
        name = fact["name"]
        if name not in given:
            continue
        value = given[name]
        if fact["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        elif fact["in"] == "query":
            query += [(name, as_text(item)) for item in (value if fact.get("repeated") else [value])]
        else:
            body[name] = as_text(value) if fact["in"] == "form" and fact["type"] != "file" else value
    return Wire(row["method"], path, sorted(query), given["body"] if row.get("body_is_array") else body)


def as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def ours(action: Action, given: dict[str, Any]) -> Wire:
    sent = prepare(action, bind(action, given))
    if isinstance(sent.body, Upload):
        with sent.body.opened() as blocks:
            return wire(sent.operation.method, sent.target, sent.body.content_type, b"".join(blocks))
    return wire(sent.operation.method, sent.target, sent.headers.get("Content-Type", ""), sent.body or b"")


def wire(method: str, target: str, content_type: str, content: bytes) -> Wire:
    """A request, read as a server reads it."""
    parts = urlsplit(target)
    body: Any = {}
    if content_type.startswith("multipart"):
        body = multipart(content_type, content)
    elif content:
        is_json = content_type == "application/json"
        body = json.loads(content) if is_json else dict(parse_qsl(content.decode(), keep_blank_values=True))
    return Wire(method, parts.path, sorted(parse_qsl(parts.query, keep_blank_values=True)), body)


def multipart(content_type: str, content: bytes) -> dict[str, Any]:
    """The parts of a form: texts, and of a file its bytes."""
    found: dict[str, Any] = {}
    for part in message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content).walk():
        name, inside = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(inside, bytes):
            found[name] = inside if part.get_filename() else inside.decode()
    return found


def values(action: Action, parameter: Parameter, fact: dict[str, Any]) -> list[Any]:
    """Values that the client's type allows, the plainest last. Which texts are times only the catalog says."""
    found: list[Any]
    if parameter.type == "array":
        found = lists(action, parameter, fact)
    elif fact["type"] == "object":
        found = objects(action, parameter, fact)
    elif fact.get("enum") or parameter.type == "flag":
        found = fact.get("enum", [0, 1])
    elif parameter.type in ("date", "datetime", "time"):
        written = TIMES[parameter.time_format or action.version]
        found = [{"date": "2026-01-31", "datetime": written, "time": "10:30"}[parameter.type]]
    else:
        found = {**PLAIN, "number": [parameter.maximum or 0, 7]}[fact["type"]]
    return [None, *found] if fact.get("nullable") else list(found)


def lists(action: Action, parameter: Parameter, fact: dict[str, Any]) -> list[Any]:
    words = list(dict.fromkeys(word for value in fact.get("enum", ()) for word in value.split(",")))
    items = objects(action, parameter, fact) if parameter.items == "object" else words or ITEMS[str(parameter.items)]
    return [*([[]] if parameter.place == "body" else []), *([item] for item in items), items]


def objects(action: Action, parameter: Parameter, fact: dict[str, Any]) -> list[Any]:
    """Each part of an object alone, then all together. What is not described takes any key."""
    parts = {part.name: part for part in parameter.parts}
    if "parts" not in fact:
        return [{next(iter(parts), FIELD): "2026-01-31"}]
    inside = {name: values(action, parts[name], inner) for name, inner in fact["parts"].items()}
    alone = [{name: value} for name, found in inside.items() for value in found]
    return [*alone, {name: found[-1] for name, found in inside.items()}]


def allowed(key: str) -> dict[str, list[Any]]:
    """The values of each parameter. A filter takes the place of most others."""
    action = ACTIONS[key]
    return {fact["name"]: values(action, action.by_name[fact["name"]], fact) for fact in FACTS[key]["parameters"]}


def all_together(key: str) -> dict[str, Any]:
    return {name: found[-1] for name, found in allowed(key).items() if name != "filter_id"}


def one_by_one(key: str) -> Iterator[dict[str, Any]]:
    """The least that an operation wants, and with it each value of each parameter."""
    action, taken = ACTIONS[key], allowed(key)
    needed = {parameter.name for parameter in action.parameters if parameter.required} | set(action.one_of[:1])
    least = {name: found[-1] for name, found in taken.items() if name in needed}
    yield least
    yield from ({**least, name: value} for name, found in taken.items() for value in found)


@pytest.mark.parametrize("key", CALLED)
def test_each_value_of_each_parameter_is_sent_as_the_official_client_sends_it(key: str) -> None:
    for given in one_by_one(key):
        assert ours(ACTIONS[key], given) == official(FACTS[key], given), given


def test_all_parameters_together_reach_pipedrive_as_the_official_client_sends_them(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    for key in CALLED:
        action, given = ACTIONS[key], all_together(key)
        server.script.append(envelope([] if action.result == "records" else {"id": 1}))
        client.run(key, given)
        sent = server.requests[-1]
        got = wire(sent.method, sent.target, sent.headers.get("content-type", ""), sent.body)
        assert got == official(FACTS[key], given), key


@pytest.mark.long
def test_the_official_client_itself_makes_the_same_requests(tmp_path: Path) -> None:
    calls = [(key, given) for key in CALLED for given in (*one_by_one(key), all_together(key)) if not has_file(given)]
    file = tmp_path / "calls.json"
    file.write_text(json.dumps([as_documented(key, given) for key, given in calls]))
    try:
        requests = third_party.node_client(TABLE["client"], file)["requests"]
    except third_party.CannotInstall as error:
        pytest.skip(f"not to be had from the package index: {error}")

    for (key, given), request in zip(calls, requests, strict=True):
        target = f"{'/v1' if ACTIONS[key].version == 'v1' else '/api/v2'}{request['url']}"
        sent = wire(request["method"], target, request["type"], request["body"].encode())
        assert sent._replace(path=sent.path.replace("'", "%27")) == ours(ACTIONS[key], given), (key, given)


def has_file(given: dict[str, Any]) -> bool:
    return any(isinstance(value, bytes) for value in given.values())


def as_documented(key: str, given: dict[str, Any]) -> dict[str, Any]:
    """A call as the client's documentation asks for it: what it calls a text is a text with commas."""
    facts = {fact["name"]: fact for fact in FACTS[key]["parameters"]}
    texts = [name for name in given if (facts[name]["in"], facts[name]["type"]) == ("query", "string")]
    return {
        "version": FACTS[key]["version"],
        "operation": FACTS[key]["operation"],
        "given": {**given, **{name: as_text(given[name]) for name in texts}},
        "places": {name: fact["in"] for name, fact in facts.items()},
        "body_is_array": FACTS[key].get("body_is_array", False),
    }
