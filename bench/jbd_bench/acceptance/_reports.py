"""Joins what the workers left: one ``junit.xml`` with a suite for each unit, one Allure folder."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SUMS: Final = ("tests", "failures", "errors", "skipped")


def merge_reports(folders: Sequence[Path], into: Path) -> None:
    """Write ``junit.xml`` and ``allure-results`` of several runs as those of one.

    Raises:
        OSError: a file cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    root = ElementTree.Element("testsuites", name="jbd-bench accept")
    for folder in folders:
        path = folder / "junit.xml"
        if path.exists():
            # Written by pytest a moment ago, in our own temporary folder.
            for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314
                root.append(_named(suite))
    for name in _SUMS:
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.ElementTree(root).write(into / "junit.xml", encoding="utf-8", xml_declaration=True)
    allure = into / "allure-results"
    if allure.exists():
        shutil.rmtree(allure)
    for folder in folders:
        results = folder / "allure-results"
        if results.exists():
            allure.mkdir(exist_ok=True)
            for file in results.iterdir():
                shutil.copy2(file, allure / file.name)


def _named(suite: ElementTree.Element) -> ElementTree.Element:
    """Give a suite the name of its unit: every report tells several apart by it."""
    targets = {
        prop.get("value")
        for prop in suite.iter("property")
        if prop.get("name") == "target" and prop.get("value")
    }
    if len(targets) == 1:
        suite.set("name", str(targets.pop()))
    return suite
