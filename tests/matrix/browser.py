"""A real browser without a screen, driven over the plain WebDriver protocol."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.console import DevError
from dev.setup import install, missing_packages
from harness.program import Program
from harness.waiting import wait_until

# The key of an element's id, as the protocol's specification has it.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PACKAGES = ["chromium", "chromium-driver", "fonts-dejavu-core"]


def installed() -> None:
    """Skips, with the reason, where Debian's Chromium can not be had."""
    try:
        if missing := missing_packages(PACKAGES):
            install(missing)
    except DevError as error:
        pytest.skip(f"no browser: {error}")
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        pytest.skip("no browser: chromium and chromedriver are not installed")


class StaleElement(Exception):
    """The page has drawn itself anew since the element was found."""


class Browser:
    def __init__(self, folder: Path, width: int, height: int):
        self.program = Program(["chromedriver", "--port=0"], folder)
        said = self.program.line("started successfully on port", seconds=30)
        port = re.search(r"on port (\d+)", said)[1]
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=180)
        # As root it has no sandbox; what it opens is a page of the test's own.
        options = {
            "binary": shutil.which("chromium"),
            "args": [
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--force-color-profile=srgb", "--disable-dev-shm-usage"),
                f"--window-size={width},{height}",
                f"--user-data-dir={folder / 'profile'}",
            ],
        }
        logs = {"goog:loggingPrefs": {"browser": "ALL"}}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, **logs}}
        made = self._call("POST", "/session", {"capabilities": wanted})
        self._session = f"/session/{made['sessionId']}"

    def close(self) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._http.close()
            self.program.stop()

    def open(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", {"url": url})

    def script(self, text: str, *arguments: Any) -> Any:
        body = {"script": text, "args": list(arguments)}
        return self._call("POST", f"{self._session}/execute/sync", body)

    def wait_for(self, selector: str, text: str = "", seconds: float = 60) -> None:
        """Until an element that matches holds `text`."""
        self._do_with(selector, text, lambda element: None, seconds)

    def type(self, selector: str, text: str) -> None:
        self._do_with(selector, "", lambda element: self._tell(element, "value", {"text": text}))

    def click(self, selector: str, text: str = "") -> None:
        self._do_with(selector, text, lambda element: self._tell(element, "click", {}))

    def text(self) -> str:
        """All that can be read on the page."""
        return str(self.script("return document.body.innerText"))

    def console(self) -> str:
        found = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return "\n".join(each["message"][:300] for each in found[-30:])

    def picture(self) -> bytes:
        """A PNG of what is in the window."""
        return base64.b64decode(self._call("GET", f"{self._session}/screenshot"))

    def _do_with(
        self, selector: str, text: str, do: Callable[[str], None], seconds: float = 60
    ) -> None:
        """With the first element that matches and holds `text`. A page that draws itself anew
        meanwhile is looked at again."""

        def done() -> bool:
            try:
                for each in self._all(selector):
                    if not text or text in self._call("GET", self._of(each, "text")):
                        do(each)
                        return True
            except StaleElement:
                pass
            return False

        try:
            wait_until(f"{selector} {text!r} is shown", done, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}\n{self.console()}") from None

    def _tell(self, element: str, command: str, body: dict) -> None:
        self._call("POST", self._of(element, command), body)

    def _of(self, element: str, what: str) -> str:
        return f"{self._session}/element/{element}/{what}"

    def _all(self, selector: str) -> list[str]:
        body = {"using": "css selector", "value": selector}
        return [each[ELEMENT] for each in self._call("POST", f"{self._session}/elements", body)]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        found = answer.json()["value"]
        if isinstance(found, dict) and found.get("error") == "stale element reference":
            raise StaleElement(found["message"])
        assert answer.status_code == 200, json.dumps(found)[:2000]
        return found
