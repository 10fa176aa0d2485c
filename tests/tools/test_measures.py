"""What the code is held to, in numbers. Tightening a bound is always right; loosening one needs a reason next to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from measures import PACKAGE, House

HOUSE = House()


def house_of(folder: Path, **modules: str) -> House:
    (folder / PACKAGE).mkdir()
    for name, text in modules.items():
        (folder / PACKAGE / f"{name}.py").write_text(text)
    return House(folder)


def test_a_class_name_means_one_thing() -> None:
    assert len(HOUSE.shared_class_names()) == 0, HOUSE.shared_class_names()


def test_files_do_not_import_each_other() -> None:
    assert HOUSE.circles() == []


def test_classes_can_be_read_in_one_sitting() -> None:
    assert HOUSE.long_classes() == []


def test_functions_fit_a_screen() -> None:
    # A constructor with a parameter for each of a bulk run's options, and a table.
    assert len(HOUSE.long_functions()) <= 2, HOUSE.long_functions()


def test_exceptions_are_in_the_tree_of_errors() -> None:
    caught_in_their_room = {
        "client.values.InvalidValue",
        "extraction.reading.request_pool.Stopped",
        "extraction.rows.fitting.DoesNotFitError",
        "extraction.storage.store.ConflictError",
    }
    assert set(HOUSE.stray_exceptions()) <= caught_in_their_room


def test_modules_have_a_test_file_of_their_name() -> None:
    untested, modules = HOUSE.untested_modules()
    assert 1 - len(untested) / modules >= 0.8, untested


def test_the_catalog_says_each_fact_once() -> None:
    assert HOUSE.repeated("catalog") <= 0.05
    assert HOUSE.catalog_lines() <= 6500


def test_nothing_is_written_twice() -> None:
    assert HOUSE.repeated() <= 0.03


LINES = "\n".join(f"value_{number} = {number}" for number in range(6))


@pytest.mark.parametrize(("before", "share"), [("", 0.5), ("other = 1\n", 6 / 13)])
def test_six_equal_lines_are_repeated_whatever_is_between_them(tmp_path: Path, before: str, share: float) -> None:
    spaced = before + LINES.replace("\n", "\n\n# a reason\n")
    assert house_of(tmp_path, one=LINES, two=spaced).repeated() == share


def test_a_class_name_with_an_underscore_is_the_same_name(tmp_path: Path) -> None:
    house = house_of(tmp_path, one="class Run: ...", two="class _Run: ...")
    assert house.shared_class_names() == {"Run": ["one", "two"]}


def test_imports_for_types_and_deferred_ones_count(tmp_path: Path) -> None:
    one = f"if TYPE_CHECKING:\n    from {PACKAGE}.two import thing\n"
    two = f"def work():\n    from {PACKAGE} import one\n"
    assert house_of(tmp_path, one=one, two=two).circles() == [("one", "two")]
