"""``jbd-emulator console``: the page of a served unit, in a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

from .._config import ConfigError

DEFAULT_URL = "http://127.0.0.1:7780"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``console``."""
    parser.add_argument("url", nargs="?", default=DEFAULT_URL, metavar="URL",
                        help=f"what `serve --control` printed (default {DEFAULT_URL})")  # fmt: skip
    parser.add_argument("--unit", metavar="NAME", help="which unit (default: the first)")
    parser.add_argument("--token", metavar="TOKEN", help="where the URL does not hold it")
    parser.add_argument("--json", action="store_true",
                        help="print the state once, as JSON, and end")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Show a unit until its user has seen enough; return 0."""
    base, token = where(args.url)
    for package in ("httpx",) if args.json else ("httpx", "textual"):
        if find_spec(package) is None:
            raise ConfigError(f"console: needs {package}, install jbd-bench[console]")
    from ..console._api import Api, Trouble

    token = args.token or token
    if token is not None and not (token.isascii() and token.isprintable()):
        raise ConfigError(f"token {token!r}: must be the one that `serve` printed")
    api = Api.at(base, token)
    try:
        if args.json:
            import asyncio

            state = asyncio.run(api.once(args.unit))
            sys.stdout.write(json.dumps(state, indent=1) + "\n")
            return 0
        from ..console._screen import Console

        console = Console(api, args.unit)
        console.run()
        if console.trouble:
            raise ConfigError(f"{args.url}: {console.trouble}")
        return console.return_code or 0
    except Trouble as error:
        raise ConfigError(f"{base}: {error}") from None


def where(url: str) -> tuple[str, str | None]:
    """Return the address and the token that a printed page stands for.

    Raises:
        ConfigError: it is no address.
    """
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ConfigError(f"url {url!r}: must be http://HOST:PORT")
    token = parts.fragment.removeprefix("token=") or None
    return f"{parts.scheme}://{parts.netloc}", token
