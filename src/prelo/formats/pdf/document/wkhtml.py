"""HTML and CSS to PDF by the program wkhtmltopdf: for those who must, as it is no longer maintained.

It is told to read no file, to run no script, and to reach the net through a door that is shut. Before that,
whatever the page would load is refused here by its address; asset() and include put files into the page.
"""

import re
import shutil
import subprocess
from html.parser import HTMLParser

from prelo.core.errors import FormatFailed, TimeLimit

_PROGRAM = "wkhtmltopdf"
_SECONDS = 120
_NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens
_SETTINGS = (
    "--quiet", "--encoding", "utf-8", "--print-media-type", "--page-size", "A4",
    "--disable-javascript", "--disable-local-file-access", "--disable-plugins",
    "--load-error-handling", "abort", "--load-media-error-handling", "abort",
    "--proxy", _NOWHERE,
)  # fmt: skip
# Without a seed of its own Qt numbers things by chance, and equal pages differ.
_SURROUNDINGS = {"LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen", "QT_HASH_SEED": "0"}
_LOADS = {
    "src",
    "srcset",
    "data",
    "poster",
    "background",
    "xlink:href",
    "codebase",
    "archive",
    "srcdoc",
}
_LOADS_BY_HREF = {"link", "image", "use", "base", "feimage"}
_IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]*)""", re.IGNORECASE)
_HARMLESS = ("data:", "#")


class Wkhtml:
    """The engine of one run. Raises FormatFailed if the program is not there."""

    def __init__(self) -> None:
        path = shutil.which(_PROGRAM)
        if path is None:
            raise FormatFailed(
                "the program wkhtmltopdf is not installed; install it (Debian: apt-get install wkhtmltopdf), "
                "or leave out 'engine: wkhtmltopdf'"
            )
        self._command = [path, *_SETTINGS, "-", "-"]
        self.missing: set[int] = set()

    def pdf(self, html: str) -> bytes:
        """Raises FormatFailed for what the page may not load, or what cannot be laid out; TimeLimit for what
        takes longer than two minutes.
        """
        loads = _Loads()
        loads.feed(html)
        loads.close()
        if loads.found:
            raise FormatFailed(
                f"the address '{loads.found[0][:200]}' was refused: with wkhtmltopdf a page loads nothing; "
                "write {{ asset('logo.png') }} for a file of the folder, {% include 'x.css' %} within <style>"
            )
        try:
            done = subprocess.run(
                self._command,
                input=html.encode(),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                cwd="/",
                env=_SURROUNDINGS,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeLimit(
                f"wkhtmltopdf took more than {_SECONDS} seconds for a document"
            ) from error
        if done.returncode or not done.stdout.startswith(b"%PDF"):
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise FormatFailed(f"wkhtmltopdf failed: {said[-1][:300]}")
        return done.stdout


class _Loads(HTMLParser):
    """The addresses that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within_style = tag == "style"
        for name, value in attrs:
            if name in _LOADS or (name == "href" and tag in _LOADS_BY_HREF):
                self._note(value or "")
            elif name == "style":
                self._note_css(value or "")

    def handle_data(self, data: str) -> None:
        if self._within_style:
            self._note_css(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  the parser's signature
        self._within_style = False

    def _note(self, address: str) -> None:
        if address.strip() and not address.strip().lower().startswith(_HARMLESS):
            self.found.append(address.strip())

    def _note_css(self, text: str) -> None:
        for address in _IN_CSS.findall(text):
            self._note(address)
