"""The page in headless Chromium, over a served unit, with a client on its TCP port."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from jbd_protocol import ENTER_FACTORY, ReadRequest, encode_pin, pair

from . import browser
from .conftest import Api, Started

pytestmark = pytest.mark.slow
WAIT_S = 60


@pytest.fixture(scope="module", autouse=True)
def _browser_is_there() -> None:
    if browser.programs() is None:
        why = "no chromium and chromedriver: set JBD_CHROMIUM and JBD_CHROMEDRIVER"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


class Page:
    """A page that is open, the API beside it, and a client of the unit."""

    def __init__(self, driver: Any, ready: dict[str, Any]) -> None:
        self.driver, self.ready = driver, ready
        self.api = Api(ready["control"])
        self.connect()
        driver.get(ready["control"]["page"])
        self.until(lambda: self.text("live-text") == "live")

    def connect(self) -> None:
        host, port = self.ready["units"][0]["tcp"].rsplit(":", 1)
        self.wire = socket.create_connection((host, int(port)), timeout=20)

    def find(self, id_: str) -> Any:
        return self.driver.find_element(By.ID, id_)

    def text(self, id_: str) -> str:
        text: str = self.find(id_).text
        return text

    def until(self, condition: Callable[[], object]) -> None:
        # Lists are drawn anew with every event: what was found may be gone when it is read.
        gone = (StaleElementReferenceException,)
        wait = WebDriverWait(self.driver, WAIT_S, poll_frequency=0.05, ignored_exceptions=gone)
        wait.until(lambda _: condition())

    def press(self, css: str, place: int = 0) -> None:
        """Click one of the elements that a selector finds, as soon as it is there."""

        def pressed() -> bool:
            found = self.driver.find_elements(By.CSS_SELECTOR, css)
            if len(found) <= place:
                return False
            found[place].click()
            return True

        self.until(pressed)

    def exchange(self, wire: bytes) -> bytes:
        """Return the frame that answers, which may come in pieces."""
        self.wire.sendall(wire)
        answer = b""
        while len(answer) < 4 or len(answer) < answer[3] + 7:
            piece = self.wire.recv(300)
            assert piece, "the board hung up"
            answer += piece
        return answer

    def state(self) -> dict[str, Any]:
        return self.ask("GET", "")

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Do something behind the page's back; return what is answered."""
        unit = f"/units/{self.ready['units'][0]['name']}"
        status, state = self.api(method, unit + path, body)
        assert status < 300, state
        table: dict[str, Any] = state
        return table

    def errors(self) -> list[str]:
        return [row["message"] for row in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for the tests that a desktop does for; each has a board and a page of its own."""
    one = browser.start(tmp_path_factory.mktemp("profile"))
    yield one
    one.quit()


@pytest.fixture
def page(control: Callable[..., Started], driver: Any) -> Iterator[Page]:
    driver.get_log("browser")  # what a test that failed has left
    options = ("--firmware", "0x25", "--load-ma", "5000", "--tcp", "127.0.0.1:0")
    _, ready = control(*options)
    one = Page(driver, ready)
    try:
        yield one
        assert one.errors() == []
    finally:
        one.wire.close()
        driver.get("about:blank")  # before its board goes, which it would complain of


def test_values_are_those_of_the_board(page: Page) -> None:
    page.until(lambda: page.text("current").startswith("\u22125.00"))
    # The pack sinks under its load: what the page shows is soon what the board says, and again.
    page.until(lambda: page.text("pack-v") == f"{page.state()['pack']['mv'] / 1000:.2f}V")
    state = page.state()
    assert page.text("soc-b") == "70%"
    assert page.text("soc-t").endswith("%")
    cells = page.driver.find_elements(By.CSS_SELECTOR, ".cell")
    assert [cell.find_element(By.CSS_SELECTOR, ".n").text for cell in cells] == list("1234")
    assert cells[0].find_element(By.CSS_SELECTOR, ".mv").text.startswith("3.3")
    assert cells[0].get_attribute("aria-label").startswith("Cell 1: 3.3")
    # A limit is drawn where the bar would end at that voltage.
    covp = cells[0].find_element(By.CSS_SELECTOR, "b.covp").value_of_css_property("bottom")
    tube = cells[0].find_element(By.CSS_SELECTOR, ".tube").rect["height"]
    place = (state["limits"]["covp_mv"] - 2000) / 2000
    assert float(covp.removesuffix("px")) == pytest.approx(place * tube, abs=2)
    assert "charge on" in page.text("fets")


def test_an_exchange_of_a_client_appears_in_words_bytes_and_grade(page: Page) -> None:
    assert "Nothing has passed yet" in page.text("log")
    answer = page.exchange(ReadRequest(0x04).to_wire())
    page.until(lambda: "answer" in page.text("log"))
    page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, ".entry")) == 2)
    rows = page.driver.find_elements(By.CSS_SELECTOR, ".entry")
    assert [row.find_element(By.CSS_SELECTOR, ".dir").text for row in rows] == [
        "request", "answer",
    ]  # fmt: skip
    assert rows[0].find_element(By.CSS_SELECTOR, ".words").text == "read cell voltages"
    assert rows[1].find_element(By.CSS_SELECTOR, ".bytes").text == answer.hex(" ").upper()
    assert rows[1].find_element(By.CSS_SELECTOR, ".grade").text == "captured"
    assert rows[1].find_element(By.CSS_SELECTOR, ".line").text.startswith("tcp 127.0.0.1:")


def test_a_pin_is_set_and_a_client_meets_it(page: Page) -> None:
    assert page.exchange(ENTER_FACTORY.to_wire())[2] == 0
    page.find("pin").send_keys("123456", Keys.ENTER)
    page.until(lambda: "stored: 123456" in page.text("pin-note"))
    assert page.exchange(ENTER_FACTORY.to_wire())[2] == 0x81
    page.until(lambda: "PIN not presented" in page.text("badges"))
    assert page.exchange(pair(encode_pin("123456")).to_wire())[2] == 0
    page.until(lambda: "PIN not presented" not in page.text("badges"))
    page.find("pin-clear").click()
    page.until(lambda: page.text("pin-note") == "none stored")


def test_a_firmware_is_flashed_and_a_client_sees_it(page: Page) -> None:
    blank = pair(bytes(6)).to_wire()
    assert page.exchange(blank)[2] == 0x00
    Select(page.find("firmware")).select_by_value("0x21")
    page.find("firmware-form").find_element(By.TAG_NAME, "button").click()
    page.until(lambda: "firmware 0x21" in page.text("identity"))
    assert page.exchange(blank)[2] == 0x80
    page.until(lambda: "0x80 no such command" in page.text("log"))
    page.until(lambda: "no password function" in page.text("firmware-note"))


def test_a_fault_is_added_strikes_is_counted_and_healed(page: Page) -> None:
    Select(page.find("fault-kind")).select_by_value("answer")
    fields = page.find("fault-fields")
    fields.find_element(By.CSS_SELECTOR, "[data-field=status]").send_keys("128")
    fields.find_element(By.CSS_SELECTOR, "[data-field=register]").send_keys("0x05")
    page.find("fault-add").click()
    page.until(lambda: "answer-1" in page.text("faults"))
    assert page.exchange(ReadRequest(0x05).to_wire()) == bytes.fromhex("dd058000ff8077")
    page.until(lambda: "1 hit" in page.text("faults"))
    page.until(lambda: "answered with status 0x80" in page.text("log"))
    page.press("#faults [data-fault]")
    page.until(lambda: not page.text("faults"))
    assert page.exchange(ReadRequest(0x05).to_wire())[2] == 0x00


def test_a_field_that_is_wrong_is_told_on_the_page(page: Page) -> None:
    Select(page.find("fault-kind")).select_by_value("delay")
    page.find("fault-fields").find_element(By.CSS_SELECTOR, "[data-field=delay_s]").send_keys("-1")
    page.find("fault-add").click()
    page.until(lambda: "delay_s: Input should be greater" in page.text("toast"))
    # What is no number at all is told as well, and not left out.
    page.find("fault-fields").find_element(By.CSS_SELECTOR, "[data-field=delay_s]").clear()
    page.find("fault-fields").find_element(By.CSS_SELECTOR, "[data-field=nth]").send_keys("third")
    page.find("fault-add").click()
    page.until(lambda: "nth: Input should be" in page.text("toast"))
    assert page.state()["faults"] == []
    # The browser notes every refusal; this one was asked for.
    assert [text for text in page.errors() if "422" not in text] == []


def test_every_coordinate_of_a_fault_is_on_the_page(page: Page) -> None:
    kinds = {row["name"]: row for row in page.api("GET", "/fault-kinds")[1]["kinds"]}
    where = {row["name"] for row in page.api("GET", "/fault-kinds")[1]["where"]}
    for kind in ("split", "ntc", "unplugged"):
        Select(page.find("fault-kind")).select_by_value(kind)
        fields = page.driver.find_elements(By.CSS_SELECTOR, "#fault-form [data-field]")
        names = [field.get_attribute("data-field") for field in fields]
        assert sorted(names) == sorted(where | {row["name"] for row in kinds[kind]["fields"]})
    Select(page.find("fault-kind")).select_by_value("split")
    page.find("fault-more-box").find_element(By.TAG_NAME, "summary").click()
    more = page.find("fault-more")
    Select(more.find_element(By.CSS_SELECTOR, "[data-field=end]")).select_by_value("client")
    more.find_element(By.CSS_SELECTOR, "[data-field=every]").send_keys("3")
    fields = page.find("fault-fields")
    fields.find_element(By.CSS_SELECTOR, "[data-field=p]").send_keys("0,5")  # as phones write it
    page.find("fault-add").click()
    page.until(lambda: "split-1" in page.text("faults"))
    [fault] = page.state()["faults"]
    assert (fault["end"], fault["every"], fault["p"]) == ("client", 3, 0.5)


def test_who_heals_by_keyboard_keeps_the_place_while_faults_strike(page: Page) -> None:
    for register in (3, 4):
        page.ask("POST", "/faults", {"kind": "split", "id": f"s{register}", "register": register})
    page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "[data-fault]")) == 2)
    page.driver.execute_script("document.querySelector('[data-fault=s4]').focus()")
    page.exchange(ReadRequest(0x03).to_wire())
    page.exchange(ReadRequest(0x04).to_wire())
    page.until(lambda: page.text("faults").count("1 hit") == 2)
    focused = page.driver.switch_to.active_element
    assert focused.get_attribute("data-fault") == "s4"
    page.ask("DELETE", "/faults/s3")
    page.until(lambda: "s3" not in page.text("faults"))
    assert page.driver.switch_to.active_element == focused
    focused.send_keys(Keys.ENTER)
    page.until(lambda: not page.text("faults"))
    assert page.driver.switch_to.active_element.get_attribute("id") == "faults-clear"


def test_plug_in_puts_in_what_faults_have_pulled(page: Page) -> None:
    for end in ("board", "client"):
        page.ask("POST", "/faults", {"kind": "unplugged", "end": end})
    page.until(lambda: page.text("plug") == "Plug in")
    page.find("plug").click()
    page.until(lambda: page.text("plug") == "Unplug")
    assert page.state()["plugged"] is True
    assert page.state()["faults"] == []


def test_a_slider_that_is_held_stays_where_the_finger_is(page: Page) -> None:
    # A finger on some phones neither focuses a slider nor makes it :active.
    page.driver.execute_script(
        "const one = document.getElementById('load'); one.value = 150;"
        "one.dispatchEvent(new Event('input'))"
    )
    page.ask("PUT", "/ambient", {"celsius": 31})
    page.until(lambda: page.text("ambient-out") == "31 \u00b0C")
    assert page.find("load").get_attribute("value") == "150"
    page.driver.execute_script("document.getElementById('load').dispatchEvent(new Event('change'))")
    page.until(lambda: page.state()["pack"]["load_ma"] == 113_000)


@pytest.mark.parametrize("firmware", ["0x25", "0x21"], ids=["same unit", "another unit"])
def test_a_page_that_stayed_open_shows_the_traffic_of_the_next_process(
    control: Callable[..., Started], driver: Any, firmware: str
) -> None:
    process, ready = control("--tcp", "127.0.0.1:0", "--firmware", "0x25")
    page = Page(driver, ready)
    try:
        for _ in range(3):
            page.exchange(ReadRequest(0x04).to_wire())
        page.until(lambda: len(driver.find_elements(By.CSS_SELECTOR, ".entry")) == 6)
        page.wire.close()
        process.terminate()
        process.wait(20)
        page.until(lambda: page.text("live-text") != "live")
        address = ready["control"]["page"].split("/")[2]
        _, page.ready = control("--tcp", "127.0.0.1:0", "--firmware", firmware, address=address)
        page.until(lambda: page.text("live-text") == "live")
        page.connect()
        page.exchange(ReadRequest(0x05).to_wire())
        page.until(lambda: "board name" in page.text("log"))
        assert "cell voltages" not in page.text("log")
        assert f"firmware {firmware}" in page.text("identity")
    finally:
        page.wire.close()
        driver.get("about:blank")


def test_the_bench_is_worked_by_keyboard_alone(page: Page) -> None:
    speed = page.find("speed")
    page.driver.execute_script("document.getElementById('plug').focus()")
    focused = page.driver.switch_to.active_element
    focused.send_keys(Keys.ENTER)
    page.until(lambda: page.text("plug") == "Plug in")
    assert page.state()["plugged"] is False
    focused.send_keys(Keys.SPACE)
    page.until(lambda: page.text("plug") == "Unplug")
    seen = set()
    for _ in range(40):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.add(page.driver.switch_to.active_element.get_attribute("id"))
    assert {"speed", "load", "charge-a", "ambient", "fet-charge"} <= seen
    speed.send_keys(Keys.END)
    page.until(lambda: page.state()["clock"]["speed"] == 10_000)
    page.until(lambda: page.text("speed-out") == "\u00d710000")
    speed.send_keys(Keys.HOME)
    page.until(lambda: page.state()["clock"]["speed"] == 1)
    page.find("load").send_keys(Keys.HOME)
    page.until(lambda: page.state()["pack"]["load_ma"] == 0)


def test_a_cell_is_held_and_its_protection_lights(page: Page) -> None:
    page.press(".cell", 1)
    page.find("cell-mv").send_keys("3700", Keys.ENTER)
    page.until(lambda: page.state()["pack"]["cells"][1]["held_mv"] == 3700)
    lamp = '//ul[@id="protections"]/li[contains(., "covp")]'
    page.until(lambda: "tripped" in page.driver.find_element(By.XPATH, lamp).get_attribute("class"))
    page.until(lambda: "charge off" in page.text("fets"))


def test_a_setting_is_found_changed_and_drawn(page: Page) -> None:
    page.find("settings-box").find_element(By.TAG_NAME, "summary").click()
    page.until(lambda: page.driver.find_elements(By.ID, "setting-covp"))
    page.find("setting-find").send_keys("0x24")
    assert not page.find("setting-cuvp").is_displayed()
    field = page.find("setting-covp")
    held = field.get_attribute("value")
    field.clear()
    # Emptied is not zero: what the board holds stands there again, and nothing was written.
    page.until(lambda: field.get_attribute("value") == held)
    assert page.state()["limits"]["covp_mv"] == int(held or 0) > 0
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("3600", Keys.TAB)
    page.until(lambda: page.state()["limits"]["covp_mv"] == 3600)
    # What somebody else has changed is there as well.
    page.ask("PATCH", "/settings", {"cuvp": 2345})
    other = page.find("setting-cuvp")
    page.until(lambda: other.get_attribute("value") == "2345")
    # The row is the one that it was, for those who go on from it by keyboard.
    assert page.find("setting-covp") == field
    page.until(lambda: field.get_attribute("value") == "3600")


def test_what_a_client_sent_is_text_and_never_markup(page: Page) -> None:
    # A device name with a script in it, as a hostile client could store.
    status, _ = page.api(
        "PATCH", f"/units/{page.ready['units'][0]['name']}/settings",
        {"device_name": "<img src=x onerror=alert(1)>"},
    )  # fmt: skip
    assert status == 200
    page.exchange(ReadRequest(0x05).to_wire())
    page.until(lambda: "read board name" in page.text("log"))
    assert page.driver.find_elements(By.CSS_SELECTOR, ".entry img") == []


def test_the_page_is_a_page_on_a_phone_and_in_the_dark(
    control: Callable[..., Started], tmp_path: Path
) -> None:
    _, ready = control("--tcp", "127.0.0.1:0")
    driver = browser.start(tmp_path / "profile", browser.PHONE, dark=True)
    try:
        page = Page(driver, ready)
        width = driver.execute_script("return document.documentElement.scrollWidth")
        assert width <= browser.PHONE[0]
        small = driver.execute_script(
            "return [...document.querySelectorAll('button, select, input:not([type=checkbox])')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 28)"
            ".map(e => e.id || e.textContent)"
        )
        assert small == [], "too small for a finger"
        unnamed = driver.execute_script(
            "return [...document.querySelectorAll('input, select, button')].filter(e => !("
            "e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim()))"
            ".map(e => e.outerHTML)"
        )
        assert unnamed == [], "nothing for a screen reader to say"
        background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert max(map(int, background[4:-1].split(","))) < 60
        page.wire.close()
        assert page.errors() == []
    finally:
        driver.quit()


def test_elsewhere_the_page_takes_its_token_from_the_address(
    control: Callable[..., Started], tmp_path: Path
) -> None:
    _, ready = control(address="0.0.0.0:0")
    port = ready["control"]["api"].split(":")[2].split("/")[0]
    driver = browser.start(tmp_path / "profile")
    try:
        driver.get(f"http://127.0.0.1:{port}/")
        wait = WebDriverWait(driver, WAIT_S)
        wait.until(lambda _: driver.find_element(By.ID, "token-ask").is_displayed())
        driver.get("about:blank")
        driver.get(f"http://127.0.0.1:{port}/#token={ready['control']['token']}")
        wait.until(lambda _: driver.find_element(By.ID, "live-text").text == "live")
        assert "token" not in driver.current_url
    finally:
        driver.quit()
