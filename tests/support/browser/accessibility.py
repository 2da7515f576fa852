"""Accessibility violations and horizontal overflow of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The lesser impacts are matters of taste: Django's own pages have some.
GRAVE = {"serious", "critical"}

# What is Django's to mend, on its own pages as on ours: a rule, and which elements may break it.
EXCEPTIONS = [
    # The search has a label, an image with a text for those who cannot see it; the engine would
    # rather see words as soon as the search is described.
    ["label-title-only", "#searchbar"],
    # Before 6.1: links between plain words that only their colour tells from these.
    ["link-in-text-block", "div.breadcrumbs a, #toolbar .small a"],
    # Before 6.1: the two halves of a time have the words beside them only.
    ["label", ".vDateField, .vTimeField"],
]

_RUN = """
async (exceptions) => {
    const options = {resultTypes: ["violations"], preload: false, elementRef: true};
    const {violations} = await axe.run(document, options);
    const isExcepted = (rule, element) =>
        exceptions.some(([each, selector]) => rule === each && element.matches(selector));
    return violations.flatMap(({id, impact, nodes}) => nodes
        .filter(({element}) => !isExcepted(id, element))
        .map((node) => [node.impact || impact, `${id}: ${node.target.join(" ")}: ${node.html}`]));
}
"""
_OVERFLOW = """
() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) {
        return [];
    }
    const scrolls = (element) => element !== document.documentElement && element !== document.body
        && ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX);
    const isInside = (element) => {
        for (let each = element.parentElement; each; each = each.parentElement) {
            if (scrolls(each)) {
                return true;
            }
        }
        return false;
    };
    return [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > width + 1)
        .filter((element) => !isInside(element))
        .map((element) => element.outerHTML.slice(0, 120));
}
"""


def barriers(page: Page) -> list[str]:
    """Return each serious violation as a line: rule, element and description."""
    # Through the debugger: the page's policy lets no script in that is not the site's.
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(chromium.AXE.read_text(encoding="utf-8"))
    return [
        f"{impact} {text}" for impact, text in page.evaluate(_RUN, EXCEPTIONS) if impact in GRAVE
    ]


def overflowing(page: Page) -> list[str]:
    """Return the elements that make the whole page scroll sideways."""
    found: list[str] = page.evaluate(_OVERFLOW)
    return found
