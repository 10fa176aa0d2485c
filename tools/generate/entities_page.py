"""Writes docs/entities.md: what can be extracted, and how its records read.

python tools/generate/entities_page.py            write it
python tools/generate/entities_page.py --check    write nothing; fail if it is out of step with the code
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout's code, whatever else is installed

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.extraction.entities import EXACT, HISTORIES
from airflow_provider_pipedrive.extraction.reading.sweep import sweepable
from airflow_provider_pipedrive.extraction.rows.columns import PARTS, VALUES, Column
from airflow_provider_pipedrive.extraction.rows.history_columns import HISTORY_COLUMNS
from airflow_provider_pipedrive.extraction.rows.schema import row_schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "entities.md"

INCREMENTAL: Final = {
    "window": "window",
    "since": "since",
    "newest": "newest first",
    "whole": "whole",
}

HEAD = """\
# What can be extracted

<!-- Written by tools/generate/entities_page.py. Change the code, then run it again. -->

Each name below is an entity: a kind of record. You can read it whole (a snapshot) or, if Pipedrive's list allows it,
only what has changed. An extraction reads only what the credential's user may see in Pipedrive.

{table}

**Increments** says how changes are found:

| | how | what it cannot show |
|---|---|---|
| window | Pipedrive lists what was last updated between two moments (`updated_since`, `updated_until`) | deleted \
records; the record that was merged away; records that the user may no longer see; changes that Pipedrive does not \
count as updates |
| since | Pipedrive takes only the beginning of a window (`updated_since`); the end is applied here | the same |
| newest first | the list is sorted by last update, and read down to the beginning of the window | the same |
| whole | the list cannot be narrowed or sorted, or is one page: it is always read whole | a removed record is only \
missing |

A window selects by *last* update: what was changed in January and again in March is found in March's window only.
Records without a time of last update are in no window. If the list can be sorted by creation and the window is recent,
records created in it are read, too. A snapshot has all of them.

**Deleted** says how deletions are found: *listed* by Pipedrive for 30 days; *sweep*: the ids in the folder are compared
with those of the list, and missing ones are looked up one by one. For other entities compare two snapshots.

**Tokens** is what one request costs of the company's daily budget; **records** is the most that one request returns.
The definitions of custom fields cost one more request for each run (10 tokens).
"""

COLUMNS = """\
## Rows and columns

Every row has all columns of its entity; a value that the record lacks is null. The columns come from Pipedrive's
specifications and from the definitions of the fields, never from the first page.

**Pipedrive's own fields** keep Pipedrive's names. Ids of options have their labels in another column: `label_ids` and
`labels`, `industry` and `industry_label`. Addresses have a column for each part (`address`, `address_country`, ...),
and so has the value of a lead (`value`, `currency`). Times are RFC 3339 in UTC (`2026-01-31T12:00:05Z`), and yes/no and
numbers are those of JSON, whatever Pipedrive writes.

**Custom fields** have columns of their own, named after the field:

| field type | columns | value |
|---|---|---|
{types}

- Names are in lower case and ASCII, of at most 63 characters, and valid in SQL without quotes: `Größe (m²)` is
  `grosse_m2`, `Περιοχή` is `periokhe`, `Регион` is `region`, `カテゴリ` is `kategori`, `2nd contact` is
  `field_2nd_contact`, `Order` is `order_field`. Chinese characters are written as Mandarin reads them, in Japanese
  names, too: `売上高` is `mai_shang_gao`. The name in Pipedrive is in the column's description (Parquet) or comment
  (warehouses). If nothing of a name can be written that way, the column's name is the beginning of the field's key:
  `field_9f79e924`.
- Two fields with the same name, and a field with the name of one of Pipedrive's own, get the beginning of their keys
  added: `source_9f79e924` and `source_a1eff7ed`. This does not depend on the order in which Pipedrive lists them. The
  same holds for names that are added to the columns later: `deleted_at`, `filename`, `is_tombstone` (tombstones and
  views), `file_index`, `file_row_number` (DuckDB), `run`, `dt` (folders), `parent_updated_at`, `deleted`, `latest`,
  `options` and `by_key` (warehouses).
- An option is its label; a deleted option is its id.
- Leads have the deals' custom fields, in the same columns.
- Values without a column (of a field that was made during the run, or of a key that is new in Pipedrive) are in the
  last column, `other`, as JSON; so is a value that does not fit its column's type (an object in a yes/no column).

**Names stay.** The first run writes them into a schema file next to the data, and later runs use it:

```json
{schema}
```

| in Pipedrive | in the data |
|---|---|
| a field is renamed | its column stays; with `rename=True` it follows |
| a field is deleted | its column stays, and is null |
| a field is new | it gets a column after the others |
| an option is renamed or deleted | new rows have the new label, or the id |
| a field's type changes | its column stays, its type changes |

Each of these is reported as drift, once: in the log and in the run's receipt. To rename a column, change its `column`
in the schema file by hand.

With `columns="raw"` none of this happens: records are written as Pipedrive sends them.

## The entities
"""

TAIL = """\
## What is not here

Lists that need a request for every single record (followers, participants, permitted users, changelogs of other fields,
product variations, relations between organizations, comments of notes) cost too much to be read whole. Mail belongs to
the credential's user alone. Webhooks contain their passwords. Pipedrive has deprecated teams. You can read all of these
with actions: see [actions](actions.md).
"""


def page() -> str:
    """docs/entities.md."""
    return "\n".join(
        [
            HEAD.format(table="\n".join(table())),
            COLUMNS.format(types="\n".join(types()), schema=json.dumps(example(), indent=2, ensure_ascii=False)),
            *map(section, ENTITIES.values()),
            *(history(entity, HISTORY_COLUMNS[entity.name]) for entity in HISTORIES.values()),
            TAIL,
        ]
    )


def table() -> Iterator[str]:
    """One line an entity."""
    yield "| entity | list | increments | deleted | key | last update | tokens | records |"
    yield "|---|---|---|---|---|---|---:|---:|"
    for entity in ENTITIES.values():
        yield row(
            f"[`{entity.name}`](#{entity.name})",
            f"`{entity.action}`",
            INCREMENTAL[entity.incremental],
            deletions(entity),
            codes(entity.key),
            f"`{entity.updated}`" if entity.updated else "",
            str(entity.listing.token_cost),
            str(entity.listing.paging.max_limit) if entity.listing.paging else "all",
        )
    for entity in HISTORIES.values():
        cost = f"{entity.listing.token_cost} a deal" if entity.name == EXACT else "0"
        yield row(
            f"[`{entity.name}`](#{entity.name})",
            f"`{entity.action}`",
            "window" if entity.name == EXACT else "between two readings",
            "",
            codes(entity.key),
            f"`{entity.updated}`",
            cost,
            "",
        )


def deletions(entity: Entity) -> str:
    """How deleted records of an entity are found."""
    listed = ["listed"] if entity.name == "deals" else []
    return ", ".join([*listed, *(["sweep"] if sweepable(entity) else [])])


def types() -> Iterator[str]:
    """The columns of each type of custom field."""
    for kind, type_ in VALUES.items():
        parts = PARTS.get(kind, {})
        shown = [f"`x` {'list of labels' if kind == 'set' else 'label' if kind == 'enum' else type_}"]
        names = list(parts)
        if len(names) > 4:
            shown += [f"`x_{names[0]}` ... `x_{names[-1]}` {parts[names[0]]}"]
        else:
            shown += [f"`x_{part}` {parts[part]}" for part in names]
        yield row(kind, "<br>".join(shown), MEANINGS.get(kind, ""))
    yield row("any other", "`x` json", "as Pipedrive sends it")


MEANINGS = {
    "monetary": "amount and currency",
    "user": "the user's id",
    "org": "the organization's id",
    "people": "the person's id",
    "daterange": "first and last day",
    "time": "leads have no `x_timezone_name`",
    "timerange": "begin and end; leads have no `x_timezone_name`",
    "address": "the address as text, and its parts",
}


def example() -> dict[str, Any]:
    """A schema file, shortened."""
    code = "9f79e924fb0e467934942b814d9f0d6ac2c6c305"
    options = [{"id": 19, "label": "North"}, {"id": 20, "label": "South"}]
    region = {"field_code": code, "field_name": "Region", "field_type": "enum", "options": options}
    file = row_schema(ENTITIES["deals"], [{**region, "is_custom_field": True}], None).to_json()
    return {
        **file,
        "columns": {name: file["columns"][name] for name in ("id", "title", "label_ids", "labels", "region")},
    }


def section(entity: Entity) -> str:
    """One entity: what it is, how it is read, its columns."""
    schema = row_schema(entity, [], None)
    remarks = []
    if entity.parent:
        many = f"{entity.parent_batch} of them a request" if entity.parent_batch > 1 else "one request each"
        remarks.append(f"Read by the ids of [`{entity.parent}`](#{entity.parent}), {many}.")
    if entity.definitions:
        remarks.append(f"Fields are defined by `{entity.definitions}`.")
    return f"### {entity.name}\n\n{' '.join([entity.description, *remarks])}\n\n{columns_of(schema.columns[:-1])}\n"


def history(entity: Entity, columns: Sequence[Column]) -> str:
    """A history, which is not a list of Pipedrive's."""
    return f"### {entity.name}\n\n{entity.description}\n\n{columns_of(columns)}\n"


def columns_of(columns: Sequence[Column]) -> str:
    """Columns and their types, folded away."""
    shown = ", ".join(
        f"`{column.name}` {f'list of {column.items}' if column.items else column.type}" for column in columns
    )
    return f"<details><summary>{len(columns)} columns</summary>\n\n{shown}\n\n</details>"


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def codes(names: Sequence[str]) -> str:
    """Names as code, comma separated."""
    return ", ".join(f"`{name}`" for name in names)


def main() -> None:
    """Command line, see the module's docstring."""
    parser = argparse.ArgumentParser(description="Writes docs/entities.md from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is out of step")
    if not parser.parse_args().check:
        PAGE.write_text(page(), "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != page():
        sys.exit("docs/entities.md is out of step with the code. Run python tools/generate/entities_page.py")


if __name__ == "__main__":
    main()
