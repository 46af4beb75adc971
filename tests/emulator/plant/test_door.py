"""The plant's door: what it exports, and that it needs nothing but the standard library."""

import ast
from pathlib import Path

from jbd_emulator import plant


def test_exports_are_sorted_and_pinned() -> None:
    constants = ["SOC_CEILING", "SOC_FLOOR"]
    classes = [
        "Books",
        "Branch",
        "CcCvSupply",
        "Cell",
        "ConstantCurrentLoad",
        "ConstantPowerLoad",
        "CsvProfile",
        "DailySchedule",
        "LeadAcidCharger",
        "Pack",
        "ResistanceLoad",
        "Sample",
        "SolarProfile",
        "Terminal",
    ]
    functions = ["daily_load", "ocv_mv", "pack_from_table", "terminal_from_table"]
    assert plant.__all__ == constants + classes + functions
    assert all(hasattr(plant, name) for name in plant.__all__)


def test_the_plant_imports_no_clock_and_nothing_to_install() -> None:
    found = set()
    for path in Path(plant.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module or "")
    assert found == {"bisect", "collections.abc", "itertools", "math", "random", "typing"}
