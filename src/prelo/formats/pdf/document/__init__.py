"""Documents: pages made of HTML templates and CSS, and finished PDFs joined to them.

Needs the packages of the extra `pdf-html`, which nothing else imports; `needed` says so where one is missing.
"""

from collections.abc import Generator
from contextlib import contextmanager

from prelo.core.errors import FormatFailed

_PACKAGES = {"jinja2", "markupsafe", "pikepdf", "weasyprint"}


@contextmanager
def needed() -> Generator[None]:
    """Around the import of what makes documents. Raises FormatFailed that names the missing package."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise FormatFailed(
            f"PDF documents need the package '{package}'; install it by: pip install 'prelo[pdf-html]'"
        ) from error
