"""Files on a disk, as everything that is kept there is written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.extraction.storage.files import read_json


@pytest.mark.parametrize(("text", "said"), [("[]", "a JSON object"), ('{"until": ', "JSON: Input data was truncated")])
def test_a_state_file_that_is_no_object_is_an_error_never_an_empty_state(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "watermark.json").write_text(text)
    with pytest.raises(ValueError, match=f"does not hold {said}"):
        read_json(tmp_path / "watermark.json")
