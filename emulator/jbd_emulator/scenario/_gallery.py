"""The scenarios that ship with the package, and the way to any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._config import ConfigError
from ._scenario import Scenario, parse_scenario

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def scenario_names() -> tuple[str, ...]:
    """Return the names of the gallery, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in _folder().iterdir()
            if entry.name.endswith(".toml")
        )
    )


def scenario_text(name: str) -> str:
    """Return the TOML of a scenario of the gallery.

    Raises:
        ConfigError: there is none of this name.
    """
    names = scenario_names()
    if name not in names:
        raise ConfigError(
            f"scenario {name!r}: unknown; there is {', '.join(names)}, or a path ending in .toml"
        )
    return (_folder() / f"{name}.toml").read_text(encoding="utf-8")


def load_scenario(name: str | Path) -> Scenario:
    """Return a scenario of the gallery by its name, or of a file by its path.

    Args:
        name: text that ends in ``.toml`` or holds a slash is a path.

    Raises:
        ConfigError: no such name, a file that cannot be read, or a scenario that is wrong; one
            line names file, line, table and field.
    """
    shown = str(name)
    if not shown.endswith(".toml") and "/" not in shown:
        return parse_scenario(scenario_text(shown), name=shown)
    path = Path(shown)
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"scenario {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"scenario {path}: is not text in UTF-8") from None
    return parse_scenario(source, name=str(path), folder=path.parent)


def _folder() -> Traversable:
    from importlib.resources import files

    return files("jbd_emulator") / "scenarios"
