"""The console: a unit at a time, looked at twice a second."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, RichLog, Static

from . import _views
from ._api import Api, Trouble, path_of
from ._orders import ORDERS, Unclear, request_of

PERIOD_S = 0.5


class Console(App[None]):
    """A unit in a terminal.

    Args:
        api: the control plane.
        unit: which unit, None for the first.
    Attributes:
        trouble: why it ended, empty where its user ended it.
        state: what was seen last.
    """

    TITLE = "jbd-emulator"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #title { height: 1; background: $panel; padding: 0 1; }
    #figures { height: 2; margin: 1 1 0 1; }
    #middle { height: auto; min-height: 7; }
    .box { border: round $panel-lighten-2; padding: 0 1; height: auto; }
    #cells { width: 3fr; } #protections { width: 2fr; }
    #traffic { border: round $panel-lighten-2; padding: 0 1; height: 1fr; }
    #traffic:focus { border: round $accent; }
    #order { border: none; height: 1; padding: 0 1; background: $panel; }
    #order:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "order", "command", key_display=":"),
        Binding("p", "tell('cable')", "plug"),
        Binding("s", "tell('sleep')", "sleep"),
        Binding("r", "tell('reset')", "reset"),
        Binding("c", "tell('cycle')", "power"),
        Binding("f", "tell('faster')", "faster"),
        Binding("d", "tell('slower')", "slower"),
        Binding("u", "next_unit", "unit"),
        Binding("space", "pause", "pause"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, api: Api, unit: str | None = None) -> None:
        super().__init__()
        self._api, self._unit = api, unit
        self._next, self._paused, self._looking = 0, False, False
        self.trouble = ""
        self.state: dict[str, Any] = {}

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(id="title")
        yield Static(id="figures")
        with Horizontal(id="middle"):
            yield Static(id="cells", classes="box")
            yield Static(id="protections", classes="box")
        with Vertical():
            yield RichLog(id="traffic", wrap=True, max_lines=2000)
        yield Input(id="order", placeholder=f": {' '.join(ORDERS)}", compact=True)
        yield Footer()

    async def on_mount(self) -> None:
        """Find the unit and begin to look."""
        for name in ("cells", "protections", "traffic"):
            self.query_one(f"#{name}").border_title = name
        self.query_one("#traffic").focus()
        try:
            self._unit = await self._api.choose(self._unit)
        except Trouble as error:
            self.trouble = str(error)
            self.exit()
            return
        await self.look()
        self.set_interval(PERIOD_S, self.look)

    async def look(self) -> None:
        """Show what is, and what has passed since."""
        if self._looking or self._unit is None:
            return
        self._looking = True
        try:
            self.show(await self._api.ask("GET", path_of(self._unit)))
            if not self._paused:
                await self._read_traffic()
        except Trouble as error:
            self.notify(str(error), severity="error", timeout=2)
        finally:
            self._looking = False

    async def _read_traffic(self) -> None:
        assert self._unit is not None
        if not self._next:
            # The last screenful; what is older can be downloaded.
            self._next = max(0, self.state["traffic"]["next"] - 60)
        rest = f"/traffic?since={self._next}&limit=500"
        traffic = await self._api.ask("GET", path_of(self._unit, rest))
        self._next = traffic["next"]
        for log in self.query("#traffic").results(RichLog):
            for one in traffic["entries"]:
                log.write(_views.entry(one), expand=True)

    def show(self, state: dict[str, Any]) -> None:
        """Put a state on the screen."""
        self.state = state
        if not self.query("#title"):
            return  # the answer came when the screen had gone
        self.query_one("#title", Static).update(_views.title(state))
        self.query_one("#figures", Static).update(_views.figures(state))
        self.query_one("#cells", Static).update(_views.cells(state))
        self.query_one("#protections", Static).update(_views.protections(state))

    # -- what its user does --------------------------------------------------------------------

    def action_order(self) -> None:
        """Go to the command line."""
        self.query_one("#order", Input).focus()

    def action_pause(self) -> None:
        """Hold the traffic, or let it go on."""
        self._paused = not self._paused
        self.query_one("#traffic").border_title = "traffic, held" if self._paused else "traffic"

    async def action_next_unit(self) -> None:
        """Show the next unit."""
        try:
            names = await self._api.units()
        except Trouble as error:
            self.notify(str(error), severity="error")
            return
        self._unit = names[(names.index(self._unit) + 1) % len(names) if self._unit in names else 0]
        self._next = 0
        self.query_one("#traffic", RichLog).clear()
        await self.look()

    async def action_tell(self, what: str) -> None:
        """Do what a key stands for."""
        speed = int(self.state["clock"]["speed"]) if self.state else 1
        lines = {
            "cable": "unplug" if self.state.get("plugged", True) else "plug",
            "faster": f"speed {min(10_000, speed * 10)}",
            "slower": f"speed {max(1, speed // 10)}",
        }
        await self.obey(lines.get(what, what))

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what was typed."""
        if await self.obey(event.value.lstrip(": ")):
            event.input.clear()
            self.query_one("#traffic").focus()

    async def on_key(self, event: Any) -> None:  # Any: textual's own, of several modules
        """Leave the command line with Escape."""
        if event.key == "escape":
            self.query_one("#traffic").focus()

    async def obey(self, line: str) -> bool:
        """Do what a line says; return whether that was done."""
        try:
            method, rest, body = request_of(line)
            answer = await self._api.ask(method, path_of(str(self._unit), rest), body)
        except (Unclear, Trouble) as error:
            self.notify(str(error), severity="error")
            return False
        if "pack" in answer:
            self.show(answer)
        else:
            await self.look()
        return True
