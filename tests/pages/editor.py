"""The editor as somebody uses it."""

from playwright.sync_api import Page, expect

from tests.fixtures.browser import Visitor

PASTE = """(element, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


class Editor:
    """One window on `/edit/…`; `calls` are the paths it asked for."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page: Page = visitor.page
        self.code = self.page.locator("#code .cm-content")
        self.findings = self.page.locator("#findings")
        self.calls: list[str] = []
        self.page.on(
            "request", lambda request: self.calls.append(request.url.removeprefix(visitor.stack.url))
        )

    def open(self, slug: str) -> None:
        self.visitor.open(f"/edit/{slug}")
        self.code.wait_for()
        self.findings.get_by_role("status").filter(has_text="Nothing is wrong").wait_for()

    def write(self, text: str) -> None:
        """Paste `text` in place of all there is."""
        self.code.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.code.evaluate(PASTE, text)

    def save(self, message: str) -> None:
        self.page.keyboard.press("ControlOrMeta+s")
        dialog = self.page.get_by_role("dialog", name="Save")
        dialog.get_by_label("Message of the version").fill(message)
        dialog.get_by_role("button", name="Save version").click()

    def expect_state(self, text: str) -> None:
        expect(self.page.locator("#state")).to_have_text(text)
