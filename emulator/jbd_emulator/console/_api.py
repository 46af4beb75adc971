"""What the console asks of the control plane."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

Table = dict[str, Any]  # Any: values of a JSON object
_PATIENCE_S = 10.0


class Trouble(Exception):
    """The control plane is not there, or refuses; one line says why."""


class Api:
    """A control plane.

    Args:
        client: how it is reached.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def at(cls, base: str, token: str | None) -> Api:
        """Return the control plane at an address."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return cls(httpx.AsyncClient(base_url=base, headers=headers, timeout=_PATIENCE_S))

    async def close(self) -> None:
        """Let the connection go."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, body: object = None) -> Table:
        """Return what is answered.

        Raises:
            Trouble: nobody answers, or what is asked is refused.
        """
        try:
            answer = await self._client.request(method, f"/api/v1{path}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Trouble(str(error) or type(error).__name__) from None
        try:
            table: Table = answer.json()
        except ValueError:
            raise Trouble(f"status {answer.status_code}, and no JSON") from None
        if answer.is_error:
            limit = f" ({table['limit']})" if table.get("limit") else ""
            raise Trouble(f"{table.get('detail', answer.status_code)}{limit}")
        return table

    async def units(self) -> list[str]:
        """Return the names of the units."""
        return [str(row["name"]) for row in (await self.ask("GET", "/"))["units"]]

    async def choose(self, wanted: str | None) -> str:
        """Return the unit that is wanted, or the first.

        Raises:
            Trouble: there is none of this name.
        """
        names = await self.units()
        if wanted is not None and wanted not in names:
            raise Trouble(f"unit {wanted!r}: there is {', '.join(names)}")
        return wanted or names[0]

    async def once(self, wanted: str | None) -> Table:
        """Return the state of a unit, and let go."""
        try:
            return await self.ask("GET", path_of(await self.choose(wanted)))
        finally:
            await self.close()


def path_of(unit: str, rest: str = "") -> str:
    """Return the path of a unit."""
    return f"/units/{quote(unit, safe='')}{rest}"
