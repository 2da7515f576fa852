"""A browser window as tests use it, by visible names and the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import django

from tests.support.browser.accessibility import barriers, overflowing
from tests.support.browser.viewports import LOOKS, Look

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response

# Beyond this many stops nobody looks for a button with the Tab key.
MOST_STOPS = 80
# The browser's word for a page that it would have to send a form for once more.
_ASKS_AGAIN = "net::ERR_CACHE_MISS"
# And for an answer that it reports on its own, and that `_hear_response` judges.
_ANSWERED = "Failed to load resource: the server responded with a status of"


class Window:
    """A browser page that collects complaints about everything that goes wrong on it."""

    def __init__(self, page: Page, *, site: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._site = site
        self._expected = 200
        page.on("console", self._hear_console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("response", self._hear_response)
        page.on("requestfailed", self._hear_failure)

    def open(self, path: str, *, status: int = 200) -> None:
        """Open a page of the site by its path."""
        with self.expecting(status):
            self.page.goto(self._site + path)

    def is_page(self, path: str) -> bool:
        """Return whether this user gets a page there, and not a file or a refusal."""
        answer = self.page.request.get(self._site + path)
        return answer.status == HTTPStatus.OK and answer.headers["content-type"].startswith(
            "text/html"
        )

    @contextmanager
    def expecting(self, status: int) -> Iterator[None]:
        """Accept this status from the pages that load in the block, and wait for the last."""
        self._expected = status
        yield
        self.page.wait_for_load_state()
        self._expected = 200

    def press(self, name: str, *, status: int = 200) -> None:
        """Press a submit button by its accessible name, and wait."""
        with self.expecting(status), self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str, *, status: int = 200) -> None:
        """Follow a link by its accessible name, and wait."""
        with self.expecting(status), self.page.expect_navigation():
            self.page.get_by_role("link", name=name, exact=True).first.click()

    def go_back(self) -> None:
        """Reload the page, which submits its form again."""
        from playwright.sync_api import Error  # noqa: PLC0415 - may not be installed

        with suppress(Error):
            self.page.go_back()
            return
        self.page.wait_for_url("chrome-error://**")

    def search(self, text: str) -> None:
        """Search the change list."""
        self.page.locator("#searchbar").fill(text)
        self.press("Search")

    def run_on_all(self, action: str) -> None:
        """Run an action on all rows of the change list."""
        self.page.locator("#action-toggle").check()
        self.page.locator("select[name=action]").select_option(action)
        self.press("Run" if django.VERSION >= (6, 0) else "Go")

    def text(self) -> str:
        """Return the text of the page's content."""
        text = self.page.locator("#content, body:not(:has(#content))").inner_text()
        # Django keeps a number and its unit on one line.
        return text.replace("\N{NO-BREAK SPACE}", " ")

    def messages(self) -> str:
        """Return the text of the messages."""
        return "\n".join(self.page.locator(".messagelist").all_inner_texts())

    def choose(self, label: str, name: str) -> None:
        """Choose a row by its name in an autocomplete field."""
        self.page.get_by_role("combobox", name=label).click()
        self.page.locator(".select2-search__field").fill(name[:4])
        self.page.get_by_role("option", name=name, exact=True).click()

    def value(self, label: str) -> str:
        """Return the first value to copy under this label."""
        return self.page.get_by_role("textbox", name=label, exact=True).first.inner_text()

    def copied(self, label: str) -> str:
        """Press the copy button of this label, and return the clipboard."""
        whole = self.page.locator(".te-copyable").filter(
            has=self.page.get_by_role("textbox", name=label, exact=True)
        )
        whole.first.get_by_role("button", name="Copy").click()
        whole.first.get_by_text("Copied").wait_for()
        return self.clipboard()

    def clipboard(self) -> str:
        """Return the clipboard."""
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def press_key(self, key: str, *, status: int = 200) -> None:
        """Press a key that loads another page, and wait."""
        with self.expecting(status), self.page.expect_navigation():
            self.page.keyboard.press(key)

    def wear(self, look: Look) -> None:
        """Show the page in another viewport."""
        self.page.set_viewport_size({"width": look.width, "height": look.height})
        self.page.emulate_media(color_scheme=look.scheme)
        # A colour that fades into another is neither of the two.
        self.page.evaluate("document.getAnimations().forEach((each) => each.finish())")

    def inspect(self, *looks: Look) -> None:
        """Collect the accessibility violations in each viewport, all four by default."""
        for look in looks or LOOKS:
            self.wear(look)
            found = [*barriers(self.page), *(f"wider: {each}" for each in overflowing(self.page))]
            self.complaints += [f"{look} {self.page.url}: {each}" for each in found]
        self.wear((looks or LOOKS)[0])

    def tab_to(self, target: Locator) -> None:
        """Press Tab until the element has the focus, and complain if the focus is invisible."""
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                break
        else:
            raise AssertionError(f"The Tab key does not lead to {target}.")
        if not self._shows_focus(target):
            self.complaints.append(f"focus cannot be seen: {target}")

    def _shows_focus(self, target: Locator) -> bool:
        focused = self._picture_of(target)
        target.evaluate("element => element.blur()")
        blurred = self._picture_of(target)
        target.focus()
        return focused != blurred

    def _picture_of(self, target: Locator) -> bytes:
        # Its surroundings as well, for an outline stands outside of its element.
        box: Any = target.bounding_box()
        left, top = max(box["x"] - 6, 0), max(box["y"] - 6, 0)
        clip: Any = {"x": left, "y": top, "width": box["width"] + 12, "height": box["height"] + 12}
        return self.page.screenshot(clip=clip, animations="disabled")

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_ANSWERED):
            self.complaints.append(f"console: {message.text}")

    def _hear_response(self, response: Response) -> None:
        expected = {200, 302, 304}
        if response.request.is_navigation_request():
            expected = {self._expected, 302}
        if response.status not in expected:
            self.complaints.append(f"answered {response.status}: {response.url}")

    def _hear_failure(self, request: Request) -> None:
        # Leaving the page before its last image, or downloading it as a file, aborts requests.
        if request.failure not in {"net::ERR_ABORTED", _ASKS_AGAIN}:
            self.complaints.append(f"failed: {request.url}: {request.failure}")
