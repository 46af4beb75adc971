"""A headless Chromium that keeps to itself."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--lang=en",
)  # fmt: skip
DESKTOP, PHONE = (1440, 1180), (390, 844)


def programs() -> tuple[str, str] | None:
    """Return where browser and driver are, None where they are not."""
    browser = os.environ.get("JBD_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    driver = os.environ.get("JBD_CHROMEDRIVER") or shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def start(profile: Path, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> Any:
    """Return a driver. Any: selenium's own, of whose methods half are untyped."""
    found = programs()
    assert found is not None
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    return driver


def picture(driver: Any, path: Path, *, whole: bool = False) -> None:
    """Write what is seen, or the whole page, as PNG."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
    path.write_bytes(base64.b64decode(shot["data"]))
