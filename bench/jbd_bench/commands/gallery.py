"""``jbd-bench gallery``: the bugs of the field, and which client has which."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..gallery import Entry, GalleryClient, Outcome

HELP: Final = "put clients in front of every bug that the field reported, and show who has it"
_WIDTH: Final = 26


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--client", action="append", metavar="ID", help="this client alone; repeatable"
    )
    parser.add_argument(
        "--entry", action="append", metavar="ID", help="this entry alone; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list entries and clients, run nothing")
    parser.add_argument(
        "--prove",
        action="store_true",
        help="run the clients with a seeded bug instead: each must fail at its own entry",
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print the outcomes as a JSON list")
    shape.add_argument("--markdown", action="store_true", help="print the matrix as Markdown")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help="put the matrix into a Markdown file's block"
    )


def run(args: argparse.Namespace) -> int:
    """Run the gallery.

    Returns:
        0 where it ran: that a client of the field fails is a finding, not an error; 1 where a
        client of your choice failed, or a seeded bug was not found.
    Raises:
        LocalError: no such client or entry, or no document that can be brought up to date.
        OSError: it cannot be written.
    """
    from jbd_protocol import LocalError

    from .. import gallery

    if args.list:
        return _list(as_json=args.json)
    if args.prove and args.client:
        raise LocalError("prove: runs clients of its own, --client does not go with it")
    if args.prove and args.update is not None:
        raise LocalError("update: takes a matrix of clients, --prove has none")
    document = None if args.update is None else _document(args.update)
    if args.prove:
        outcomes = list(gallery.prove(args.entry))
        bad = any(one.result != gallery.FAILED for one in outcomes)
    else:
        shown = _Progress(quiet=args.json or args.markdown or not sys.stderr.isatty())
        outcomes = list(gallery.run_gallery(args.entry, args.client, progress=shown))
        shown.end()
        bad = bool(args.client) and any(one.result == gallery.FAILED for one in outcomes)
    if document is not None:
        args.update.write_text(
            gallery.in_document(document, gallery.markdown(outcomes)), encoding="utf-8"
        )
    if args.json:
        print(json.dumps([one.to_json() for one in outcomes], indent=1))
    elif args.markdown:
        print(gallery.markdown(outcomes))
    else:
        _show(outcomes)
    return 1 if bad else 0


class _Progress:
    """One line on a terminal that says what runs."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, entry: Entry, client: GalleryClient) -> None:
        if not self._quiet:
            sys.stderr.write(f"\r\x1b[K{entry.id}: {client.id}")
            sys.stderr.flush()

    def end(self) -> None:
        if not self._quiet:
            sys.stderr.write("\r\x1b[K")


def _document(path: Path) -> str:
    """Return a document that holds the block; told before the clients run, and not behind them."""
    from jbd_protocol import LocalError

    from ..gallery import in_document

    try:
        text = path.read_text(encoding="utf-8")
        in_document(text, "")
    except OSError as error:
        raise LocalError(f"update {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise LocalError(f"update {path}: is not text in UTF-8") from None
    except ValueError as error:
        raise LocalError(f"update {path}: {error}") from None
    return text


def _list(*, as_json: bool) -> int:
    from ..gallery import ENTRIES, clients

    rows = [
        {"entry": row.id, "title": row.title, "reported": row.reported.source,
         "grade": str(row.reported.grade), "good": row.good, "bug": row.bug}
        for row in ENTRIES.values()
    ]  # fmt: skip
    known = [
        {"client": row.id, "title": row.title, "missing": row.missing} for row in clients().values()
    ]
    if as_json:
        print(json.dumps({"entries": rows, "clients": known}, indent=1))
        return 0
    for entry in rows:
        print(f"{entry['entry']:<{_WIDTH}}{entry['title']}\n{'':<{_WIDTH}}{entry['reported']}")
    print()
    for client in known:
        missing = f" ({client['missing']})" if client["missing"] else ""
        print(f"{client['client']:<{_WIDTH}}{client['title']}{missing}")
    return 0


def _show(outcomes: Sequence[Outcome]) -> None:
    from ..gallery import FAILED, PASSED

    for entry in dict.fromkeys(one.entry for one in outcomes):
        rows = [one for one in outcomes if one.entry == entry]
        passed = [one.client for one in rows if one.result == PASSED]
        print(f"{entry}: {len(passed)} pass" + (f": {', '.join(passed)}" if passed else ""))
        for one in rows:
            if one.result == FAILED:
                print(f"  fails {one.client:<{_WIDTH}} {one.why}")
            elif one.result != PASSED:
                print(f"  n/a   {one.client:<{_WIDTH}} {one.why}")
