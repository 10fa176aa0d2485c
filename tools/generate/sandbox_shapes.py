"""Make ``sandbox/state/shapes.json``: which fields the answers of Pipedrive's operations have.

    python tools/generate/sandbox_shapes.py OPERATIONS MODELS_V1 MODELS_V2            write it
    python tools/generate/sandbox_shapes.py OPERATIONS MODELS_V1 MODELS_V2 --check    fail if it is out of step

``OPERATIONS`` lists Pipedrive's operations with the name of each response model; ``MODELS_V1`` and ``MODELS_V2`` are
the models of the official client's two specifications: a model is a list of ``{name, type}``, ``__alias__`` holds
intersections (``A & B``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[2] / "airflow_provider_pipedrive" / "sandbox" / "state" / "shapes.json"
ENVELOPE = ("success", "additional_data", "related_objects")


def fields(models: dict[str, Any], name: str) -> dict[str, str]:
    """The fields of a model and their types, the parts of an intersection together."""
    model = models.get(name)
    if isinstance(model, list):
        return {field["name"]: " ".join(field["type"].split()) for field in model}
    alias = models["__alias__"].get(name, "")
    found: dict[str, str] = {}
    for part in re.findall(r"\w+", alias):
        if part != name:
            found.update(fields(models, part))
    return found


def simple(models: dict[str, Any], type_: str) -> str:
    """A type as one word: string, number, boolean, list, object; with ``?`` where it may be null."""
    nullable = "?" if "null" in type_ else ""
    plain = type_.replace("| null", "").strip()
    if plain.startswith("Array<"):
        return "list" + nullable
    if plain in ("string", "number", "boolean"):
        return plain + nullable
    if plain.endswith("Const"):
        values = models["__enum__"].get(plain, [])
        numeric = bool(values) and all(re.fullmatch(r"-?\d+", str(value)) for value in values)
        return ("number" if numeric else "string") + nullable
    return "object" + nullable


def data_model(models: dict[str, Any], response: str) -> tuple[str, str | None]:
    """What ``data`` is (``record``, ``records``, ``items``, ``values`` or ``none``), and the model of a record."""
    type_ = fields(models, response).get("data")
    if type_ is None:
        return "none", None
    listed = re.fullmatch(r"Array<(\w+)>", type_)
    if listed:
        return ("values", None) if listed[1] in ("number", "string", "object") else ("records", listed[1])
    inner = fields(models, type_)
    items = re.fullmatch(r"Array<(\w+)>", inner.get("items", ""))
    if items:
        return "items", items[1]
    return ("record", type_) if inner else ("none", None)


def shapes(operations: list[dict[str, Any]], models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document: operations by method and path, and the models that they name."""
    found: dict[str, Any] = {"operations": {}, "models": {}}
    for operation in operations:
        version = operation["version"]
        kind, model = data_model(models[version], operation["response"])
        key = f"{operation['method']} {operation['base']}{operation['path']}"
        found["operations"][key] = [kind, f"{version}.{model}" if model else None]
        if model:
            typed = fields(models[version], model)
            found["models"][f"{version}.{model}"] = {name: simple(models[version], t) for name, t in typed.items()}
    return found


def main() -> None:
    """Command line: writes the file, or looks whether it is as it should be."""
    parser = argparse.ArgumentParser(description="Make the sandbox's table of fields.")
    for name in ("operations", "models_v1", "models_v2"):
        parser.add_argument(name, type=_read_json, metavar=name.upper())
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is out of step")
    options = parser.parse_args()
    text = as_text(shapes(options.operations["operations"], {"v1": options.models_v1, "v2": options.models_v2}))
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET.name} is out of step. Run this again without --check.")


def _read_json(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def as_text(found: dict[str, Any]) -> str:
    """The table as JSON with one operation or model a line."""
    lines = [
        f'"{name}": {json.dumps(dict(sorted(part.items())), separators=(",", ":"))}' for name, part in found.items()
    ]
    return "{\n" + ",\n".join(lines).replace('],"', '],\n"').replace('},"', '},\n"') + "\n}\n"


if __name__ == "__main__":
    main()
