"""Run airbyte-source-pipedrive against another base URL; print the ids that each stream gives.

    python airbyte_source.py URL TOKEN START_DATE

A stream that fails ends the program with its error.
"""

import json
import logging
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, Type
from airbyte_cdk.sources.declarative.decoders.json_decoder import JsonDecoder
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

# The source's extractor has an instance of it as a default; from Python 3.11 on, a default must be hashable.
JsonDecoder.__hash__ = object.__hash__

import source_pipedrive  # noqa: E402

url, token, start_date = sys.argv[1:]
config = {"api_token": token, "replication_start_date": start_date, "num_workers": 2}
log = logging.getLogger("airbyte")
log.setLevel(logging.ERROR)


class Source(source_pipedrive.SourcePipedrive):
    """The source with a manifest of our own."""

    def __init__(self, catalog, manifest):
        YamlDeclarativeSource.__init__(self, catalog=catalog, config=config, state=None, path_to_yaml=manifest)


with tempfile.TemporaryDirectory() as folder:
    original = (Path(source_pipedrive.__file__).parent / "manifest.yaml").read_text()
    manifest = Path(folder, "manifest.yaml")
    manifest.write_text(original.replace("https://api.pipedrive.com", url))
    streams = Source(None, str(manifest)).discover(log, config).streams
    catalog = ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": stream.name,
                        "json_schema": stream.json_schema,
                        "supported_sync_modes": ["full_refresh"],
                    },
                    "sync_mode": "full_refresh",
                    "destination_sync_mode": "overwrite",
                }
                for stream in streams
            ]
        }
    )
    ids = defaultdict(list)
    errors = []
    for message in Source(catalog, str(manifest)).read(log, config, catalog, None):
        if message.type == Type.RECORD:
            ids[message.record.stream].append(message.record.data.get("id"))
        elif message.type == Type.TRACE and message.trace.error:
            errors.append(f"{message.trace.error.message} {message.trace.error.internal_message}")
if errors:
    sys.exit("\n".join(errors))
print(json.dumps(ids), file=sys.__stdout__)
