"""What only a PDF has: the page, what stands on every page, the file, and documents made from HTML."""

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from prelo.core.model import Model
from prelo.core.workbook import Blob, Groups, Secret, Summary, Text

Permission = Literal["print", "copy", "change", "annotate", "fill", "assemble"]
Size = Literal["A3", "A4", "A5", "letter", "legal", "tabloid"]
_MOST_POINTS = 14_400  # a page's side: 200 inches (ISO 32000-1, annex C.2)
_LEAST_POINTS = 72
_NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
Points = Annotated[float, Field(ge=0, le=_MOST_POINTS)]


class Stamp(Model):
    """What headers, footers and watermarks may say of the making: {report}, {user}, {date} and {time} (of
    `made`), and further `marks` by their names.

    The service fills in what is not said here. `made` None is the moment of writing, taken only where a page
    shows it. `dated`: the properties of a file say it, too; without, only a page that shows it does.
    """

    report: str = ""
    user: str = ""
    made: datetime | None = None
    marks: dict[str, str] = {}
    dated: bool = True

    @field_validator("made")
    @classmethod
    def _is_in_every_zone(cls, made: datetime | None) -> datetime | None:
        if made and not date.min.year < made.year < date.max.year:
            raise ValueError(f"{made.isoformat()} is not when a report is made")
        return made

    def filled(self, **known: Any) -> Self:
        """The stamp with what is `known` where it says nothing itself."""
        return self.model_copy(update={n: v for n, v in known.items() if not getattr(self, n)})


def _read_document(value: object) -> object:
    return {"template": value} if isinstance(value, str | PurePath) else value


class Document(Model):
    """Pages made of HTML: a Jinja2 template with CSS.

    `template` is a file. The folder it stands in, `folder`, is the only place it may read; a catalog fills
    it in, and `digest`, which stands for all of the folder's files. `engine` wkhtmltopdf needs the program
    of that name.
    """

    template: str
    folder: str = ""
    digest: str = ""
    engine: Literal["weasyprint", "wkhtmltopdf"] = "weasyprint"

    @model_validator(mode="before")
    @classmethod
    def _in_its_folder(cls, values: Any) -> Any:
        """A template's path is its folder and its name, where no folder is given."""
        if not isinstance(values, dict):
            return values
        known = cast("dict[str, Any]", values)
        template = known.get("template")
        path = PurePath(template) if isinstance(template, str | PurePath) else PurePath()
        if known.get("folder") or path.name == "":
            return known
        return {**known, "template": path.name, "folder": str(path.parent)}


DocumentField = Annotated[Document, BeforeValidator(_read_document)]


class PdfOptions(Model):
    """What only a PDF has. Sizes are in points (1/72 inch).

    The page: `size` a name, or width and height; `margin` one, or top, right, bottom, left. `rules`: how
    rows are told apart. `wide`: columns that do not fit the page are set narrower (`fit`; refused where
    nobody could read them), go on on further pages (`pages`), or are refused (`fail`). `rtl`: None is the
    locale's. `fonts` are font files to look into, before those of the system, for what the shipped one
    lacks.

    `header` and `footer` stand on each page: `left|middle|right`, with {title}, {report}, {user}, {date},
    {time}, {page}, {pages} and a report's parameters by name; None is the title and "page x of y" in the
    footer. `page_totals` adds up each page's rows. `contents` is a list of the outermost groups with their
    pages, in front; `bookmarks` are the groups in the viewer's outline. `summaries` with their charts stand
    on pages before the table.

    The file: `archive` makes it PDF/A-2b or, with attachments, 3b. `password` is asked when it is opened;
    without the `owner_password` only what `permissions` name is allowed. `watermark` stands across each
    page. `attachments` are files by name.

    Documents: `document` is a template that makes the pages, of all rows or, with `per`, of each run of
    rows with equal values there; `files` "zip" makes each a file of its own. `cover` and `annex` are
    templates, or PDF files, before and after the pages.
    """

    size: Size | tuple[Points, Points] = "A4"
    orientation: Literal["portrait", "landscape", "auto"] = "auto"
    margin: Points | tuple[Points, Points, Points, Points] = 36
    font_size: Annotated[float, Field(ge=4, le=24)] = 8
    rules: Literal["zebra", "grid", "plain"] = "zebra"
    wide: Literal["fit", "pages", "fail"] = "fit"
    rtl: bool | None = None
    fonts: tuple[Blob, ...] = ()
    header: Text | None = None
    footer: Text | None = None
    page_totals: bool = False
    contents: bool = False
    bookmarks: bool = True
    summaries: tuple[Summary, ...] = ()
    archive: Literal["2b", "3b"] | None = None
    password: Secret | None = None
    owner_password: Secret | None = None
    permissions: tuple[Permission, ...] = ("print", "copy", "fill")
    watermark: Text = ""
    attachments: dict[str, Blob] = {}
    document: DocumentField | None = None
    per: Groups = ()
    files: Literal["one", "zip"] = "one"
    cover: DocumentField | None = None
    annex: DocumentField | None = None

    @field_validator("size", mode="wrap")
    @classmethod
    def _has_room(cls, value: object, read: Callable[[object], Any]) -> Any:
        try:
            size = read(value)
        except ValidationError as error:
            known = ", ".join(get_args(Size))
            raise ValueError(
                f"a page is one of {known}, or its width and height in points, up to {_MOST_POINTS:,}"
            ) from error
        if not isinstance(size, str) and min(size) < _LEAST_POINTS:
            raise ValueError(f"a page is at least {_LEAST_POINTS} points (an inch) wide and high")
        return size

    @field_validator("margin", mode="wrap")
    @classmethod
    def _is_one_or_four(cls, value: object, read: Callable[[object], Any]) -> Any:
        try:
            return read(value)
        except ValidationError as error:
            raise ValueError(
                "a margin is a number of points, 0 or more, or four: top, right, bottom, left"
            ) from error

    @field_validator("attachments")
    @classmethod
    def _are_names_of_files(cls, files: dict[str, bytes]) -> dict[str, bytes]:
        for name in files:
            if _NO_NAME.search(name) or not name.strip(" ."):
                raise ValueError(
                    f"{name!r} is no name for an attachment; name a file, without its folder"
                )
        return files

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.per or self.files == "zip") and self.document is None:
            raise ValueError("'per' and 'files: zip' belong to a document; give a template")
        if self.files == "zip" and not self.per:
            raise ValueError("'files: zip' needs 'per': the columns that part the documents")
        if self.document and self.document.template.lower().endswith(".pdf"):
            raise ValueError(
                "a document is a template in HTML; a finished PDF can be a cover or an annex"
            )
        if self.archive and (self.password or self.owner_password):
            raise ValueError("an archive (PDF/A) is never encrypted; leave out the passwords")
        if self.archive == "2b" and self.attachments:
            raise ValueError("PDF/A-2b holds no attachments; say archive: 3b")
        return self
