"""Organizations and persons."""

from __future__ import annotations

import re

from tests.support.seeded_company import Company


def test_names_come_in_several_scripts(company: Company) -> None:
    names = " ".join(person["name"] for person in company["persons"].values())
    for letters in ("[a-z]", "[À-ž]", "[\u4e00-\u9fff]"):
        assert re.search(letters, names)
