"""Turns Pipedrive's official Node client into a table of facts, one operation a line.

The client is generated from Pipedrive's OpenAPI documents, so a new release of it shows what changed in the API::

    npm pack pipedrive
    python tools/generate/node_client_facts.py pipedrive-*.tgz > tests/catalog/node_client_facts.json
    pytest tests/catalog/test_against_node_client.py

The argument is the archive that ``npm pack`` made, or its unpacked folder. The table goes to standard output, sorted,
the same for the same client. Each row names an operation's version, method, path, scopes, content type and parameters:
``in`` says where a parameter goes, ``repeated`` that a list goes as ``name=1&name=2``, ``parts`` what objects in it
consist of, and what is false is left out. A body that is an array has one parameter, ``body``.
Code that does not look as expected is an error: a row is never guessed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[2] / "tests" / "catalog" / "node_client_facts.json"
BASES = {"v1": "/v1", "v2": "/api/v2"}

FUNCTION = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s+(\w+): \(([^)]*)\) => __awaiter\(", re.S)
PATH = re.compile(r"const localVarPath = `([^`]*)`")
PATH_ARGUMENT = re.compile(r'\.replace\(`\{\$\{"([^"]+)"\}\}`, encodeURIComponent\(String\((\w+)\)\)\)')
METHOD = re.compile(r"Object\.assign\(\{ method: '([A-Z]+)'")
SCOPES = re.compile(r'"oauth2", \[([^\]]*)\]')
QUERY = re.compile(r"if \((\w+)(?: !== undefined)?\) \{\s*localVarQueryParameter\['([^']+)'\] = ([^;]*);")
FORM = re.compile(r"localVarFormParams\.(?:append|set)\('([^']+)', (\w+)")
CONTENT_TYPE = re.compile(r"localVarHeaderParameter\['Content-Type'\] = '([^']+)'")
BODY = re.compile(r"serializeDataIfNeeded\)\((\w+),")
ASSERTED = re.compile(r"assertParamExists\)\('\w+', '(\w+)'")

INTERFACE = re.compile(r"^export interface (\w+) \{\n(.*?)^\}", re.S | re.M)
ARGUMENT = re.compile(r"^    readonly (\w+)\??: (.*?);$", re.M)
FIELD = re.compile(r"^    '([^']+)'(\??): (\{.*?^    \}[^;\n]*|[^;\n]*);?$", re.S | re.M)
ALIAS = re.compile(r"^export type (\w+) = ([^;]+);", re.M)
CONSTANTS = re.compile(r"^export declare const (\w+): \{\n(.*?)^\};", re.S | re.M)
CONSTANT = re.compile(r"readonly \w+: (\"[^\"]*\"|-?\d+);")
COMMENT = re.compile(r"^[ \t]*/\*\*.*?\*/\n", re.S | re.M)


class UnexpectedCodeError(Exception):
    """The client's code does not look as this tool expects. The message says where."""


def read_client(source: Path) -> dict[str, str]:
    """The text of the client's declarations and code, by path inside the package."""
    if source.is_dir():
        found = {path.relative_to(source).as_posix(): path.read_text("utf-8") for path in _wanted_files(source)}
    else:
        with tarfile.open(source) as archive:
            found = {
                name: archive.extractfile(member).read().decode("utf-8")  # type: ignore[union-attr]
                for member in archive.getmembers()
                if member.isfile() and _is_wanted(name := member.name.removeprefix("package/"))
            }
    if "package.json" not in found:
        raise UnexpectedCodeError(f"{source} is no npm package: it has no package.json.")
    return found


def _wanted_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and _is_wanted(path.relative_to(folder).as_posix()))


def _is_wanted(name: str) -> bool:
    return name == "package.json" or bool(re.fullmatch(r"dist/versions/v\d+/(api|models)/[\w-]+(\.d\.ts|\.js)", name))


def facts(files: dict[str, str]) -> dict[str, Any]:
    """The table: the client's name and version, and the rows sorted by version and operation."""
    package = json.loads(files["package.json"])
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for version in BASES:
        models = Models(files, version)
        for name in sorted(files):
            if name.startswith(f"dist/versions/{version}/api/") and name.endswith("-api.js"):
                declarations = files[name.removesuffix(".js") + ".d.ts"]
                _merge(rows, operations(version, files[name], declarations, models, beta=name.endswith("/beta-api.js")))
    if not rows:
        raise UnexpectedCodeError("The package holds no operations under dist/versions.")
    return {
        "client": f"{package['name']}@{package['version']}",
        "operations": [rows[key] for key in sorted(rows)],
    }


def _merge(rows: dict[tuple[str, str], dict[str, Any]], found: Iterator[dict[str, Any]]) -> None:
    """Adds rows; an operation that two API classes share must say the same in both (``beta`` is in one)."""
    for row in found:
        key = (row["version"], row["operation"])
        beta = row.get("beta", False) or rows.get(key, {}).get("beta", False)
        known = {**rows.get(key, row), "beta": beta}
        if {**row, "beta": beta} != known:
            raise UnexpectedCodeError(f"{key[1]} of {key[0]} is declared twice, with differences.")
        rows[key] = {name: value for name, value in known.items() if value is not False}


def operations(version: str, code: str, declarations: str, models: Models, *, beta: bool) -> Iterator[dict[str, Any]]:
    """The rows of one API class: ``code`` is its .js file, ``declarations`` its .d.ts file."""
    arguments = {name: dict(ARGUMENT.findall(COMMENT.sub("", text))) for name, text in INTERFACE.findall(declarations)}
    api_class = _one(re.compile(r"^exports\.(\w+Api) = \1;", re.M), code, "the API class")
    creator, end, _ = code.partition(f"exports.{api_class}AxiosParamCreator = {api_class}AxiosParamCreator;")
    functions = list(FUNCTION.finditer(creator))
    if not end or len(functions) != creator.count("=> __awaiter("):
        raise UnexpectedCodeError(f"{api_class} of {version} has operations in an unknown form.")
    for function, following in zip(functions, [*functions[1:], None], strict=True):
        text = creator[function.end() : following.start() if following else None]
        comment, operation, _ = function.groups()
        types = arguments.get(f"{api_class}{operation[0].upper()}{operation[1:]}Request", {})
        yield _row(version, operation, text, types, models, deprecated="@deprecated" in comment, beta=beta)


def _row(
    version: str,
    operation: str,
    text: str,
    types: dict[str, str],
    models: Models,
    *,
    deprecated: bool,
    beta: bool,
) -> dict[str, Any]:
    where = f"{operation} of {version}"
    body = BODY.search(text)
    body_type = _argument_type(types, body[1], where) if body else ""
    row = {
        "operation": operation,
        "version": version,
        "method": _one(METHOD, text, f"the method of {where}"),
        "path": BASES[version] + _one(PATH, text, f"the path of {where}"),
        "scopes": re.findall(r'"([^"]+)"', _one(SCOPES, text, f"the scopes of {where}", default="")),
        "content_type": _one(CONTENT_TYPE, text, f"the content type of {where}", default="") or False,
        "body_is_array": body_type.endswith("[]") or body_type.startswith("Array<"),
        "deprecated": deprecated,
        "beta": beta,
        "parameters": [
            *_arguments(text, types, models, where),
            *(models.body_parameters(body_type) if body else []),
        ],
    }
    return {name: value for name, value in row.items() if value is not False}


def _arguments(text: str, types: dict[str, str], models: Models, where: str) -> Iterator[dict[str, Any]]:
    """The parameters that are arguments of their own: those of path, query and form."""
    required = set(ASSERTED.findall(text))
    for place, name, argument, value in _places(text, where):
        found = {"name": name, "in": place, **models.type_facts(_argument_type(types, argument, where))}
        if ".toISOString()" in value:
            found["type"] = "date" if ".substr(0, 10)" in value else "date-time"
        if place == "query" and found["type"] == "array" and ".join(" not in value:
            found["repeated"] = True
        yield found | _required(argument in required)


def _places(text: str, where: str) -> Iterator[tuple[str, str, str, str]]:
    """Place, name, argument and sent value of each parameter."""
    in_path, queries, forms = PATH_ARGUMENT.findall(text), QUERY.findall(text), FORM.findall(text)
    if (
        [name for name, _ in in_path] != re.findall(r"\{([^}]+)\}", _one(PATH, text, f"the path of {where}"))
        or len(queries) != text.count("localVarQueryParameter[")
        or len(forms) != len(re.findall(r"localVarFormParams\.(?:append|set)\(", text))
    ):
        raise UnexpectedCodeError(f"{where} has parameters in an unknown form.")
    yield from (("path", name, argument, "") for name, argument in in_path)
    yield from (("query", name, argument, value) for argument, name, value in queries)
    yield from (("form", name, argument, "") for name, argument in forms)


def _argument_type(types: dict[str, str], argument: str, where: str) -> str:
    if argument not in types:
        raise UnexpectedCodeError(f"{where} has no declared type for its argument {argument}.")
    return types[argument]


def _required(required: bool) -> dict[str, bool]:
    return {"required": True} if required else {}


def _one(pattern: re.Pattern[str], text: str, what: str, default: str | None = None) -> str:
    found = sorted(set(pattern.findall(text)))
    if not found and default is not None:
        return default
    if len(found) != 1:
        raise UnexpectedCodeError(f"Expected {what} once, found {found}.")
    return str(found[0])


class Models:
    """The client's model declarations: what the keys of a body are, and what its named types stand for."""

    def __init__(self, files: dict[str, str], version: str) -> None:
        self.fields: dict[str, list[tuple[str, str, str]]] = {}
        self.aliases: dict[str, str] = {}
        self.constants: dict[str, list[Any]] = {}
        for name, raw in files.items():
            if name.startswith(f"dist/versions/{version}/models/") and name.endswith(".d.ts"):
                text = COMMENT.sub("", raw)
                self.fields.update((model, _model_fields(model, block)) for model, block in INTERFACE.findall(text))
                self.constants.update(
                    (constant, [json.loads(value) for value in CONSTANT.findall(block)])
                    for constant, block in CONSTANTS.findall(text)
                )
                self.aliases.update(alias for alias in ALIAS.findall(text) if not alias[1].startswith("typeof "))

    def body_parameters(self, model: str) -> Iterator[dict[str, Any]]:
        """The keys of a body of this model, each once: required where any part of the model requires it."""
        if model.endswith(("[]", ">")):
            yield {"name": "body", "in": "body", **self.type_facts(model), "required": True}
            return
        found: dict[str, dict[str, Any]] = {}
        for name, optional, written in self._fields(model):
            required = not optional or found.get(name, {}).get("required", False)
            found[name] = {"name": name, "in": "body", **self.type_facts(written), **_required(required)}
        yield from found.values()

    def _fields(self, model: str) -> Iterator[tuple[str, str, str]]:
        if model in self.fields:
            yield from self.fields[model]
        elif model in self.aliases and "|" not in self.aliases[model]:
            for part in self.aliases[model].split(" & "):
                yield from self._fields(part.strip())
        else:
            raise UnexpectedCodeError(f"The body's model {model} is not declared.")

    def type_facts(self, written: str) -> dict[str, Any]:
        """``type``, ``items`` of an array, ``enum`` and ``nullable`` of a type as TypeScript writes it."""
        nullable = {"nullable": True} if written.endswith(" | null") else {}
        bare = written.removesuffix(" | null").strip()
        if array := re.fullmatch(r"(?:Array|Set)<(.*)>|(.*)\[\]", bare):
            items = self.type_facts(array[1] or array[2])
            return {"type": "array", "items": items["type"], **nullable, **self._parts(items.get("parts"))}
        if enum := self._enum(bare):
            return {"type": "number" if isinstance(enum[0], int) else "string", "enum": enum, **nullable}
        return {"type": self._plain_type(bare), **nullable, **self._parts(self._parts_of(bare))}

    def _parts(self, parts: dict[str, Any] | None) -> dict[str, Any]:
        return {"parts": parts} if parts else {}

    def _parts_of(self, model: str) -> dict[str, Any]:
        """What an object of this model consists of, by name; empty where that is not described."""
        if model not in self.fields and "&" not in self.aliases.get(model, ""):
            return {}
        return {name: self.type_facts(written) for name, _, written in self._fields(model)}

    def _enum(self, bare: str) -> list[Any]:
        if re.fullmatch(r"(?:'[^']*'|-?\d+)(?: \| (?:'[^']*'|-?\d+))*", bare):
            return [json.loads(value.replace("'", '"')) for value in bare.split(" | ")]
        return self.constants.get(bare, [])

    def _plain_type(self, bare: str) -> str:
        if bare in ("string", "number", "boolean", "object"):
            return bare
        if bare == "File":
            return "file"
        if bare.startswith("{") or bare in self.fields or bare in self.aliases:
            return "object"
        raise UnexpectedCodeError(f"The type {bare!r} is unknown.")


def _model_fields(model: str, block: str) -> list[tuple[str, str, str]]:
    """Name, ``?`` where optional, and type of a model's fields."""
    found = FIELD.findall(block)
    if len(found) != len(re.findall(r"^    '", block, re.M)):
        raise UnexpectedCodeError(f"The model {model} has fields in an unknown form.")
    return found


def as_text(table: dict[str, Any]) -> str:
    """The table as JSON with one operation a line."""
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in table["operations"])
    return f'{{"client": {json.dumps(table["client"])}, "operations": [\n{rows}\n]}}\n'


def main() -> None:
    """Command line: prints the table of the client that the argument names."""
    parser = argparse.ArgumentParser(description="Table of facts about Pipedrive's official Node client.")
    parser.add_argument("client", type=Path, help="the .tgz made by `npm pack pipedrive`, or its unpacked folder")
    parser.add_argument("--check", action="store_true", help="print nothing, fail if tests/ has another table")
    options = parser.parse_args()
    try:
        table = as_text(facts(read_client(options.client)))
    except (UnexpectedCodeError, OSError, tarfile.TarError) as error:
        sys.exit(f"No table written: {error}")
    if not options.check:
        sys.stdout.write(table)
    elif TABLE.read_text(encoding="utf-8") != table:
        sys.exit(f"{TABLE.name} is out of step with {options.client.name}.")


if __name__ == "__main__":
    main()
