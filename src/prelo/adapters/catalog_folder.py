"""A catalog kept as a folder of YAML files and Python files."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from prelo.core.definition import executed, line_of
from prelo.core.errors import Misconfigured, PreloError
from prelo.core.page import Document, PdfOptions
from prelo.core.report import Catalog, Report, SourceSpec

_MOST_FILES, _MOST_BYTES = 1000, 64 << 20  # of a document's folder
_PASSWORDS = (("xlsx", "password"), ("pdf", "password"), ("pdf", "owner_password"))


def load_catalog(folder: Path) -> Catalog:
    """Every report of every .yaml, .yml and .py file of `folder` (not below it), in the order of names.

    A YAML file holds one report, or several separated by `---`. A Python file is executed (the
    catalog is trusted), and every function decorated with `@prelo.report` in it is a report. Names that
    begin with '_' or '.' are left out. Raises Misconfigured with the file, the place and what is wrong.
    """
    if not folder.is_dir():
        raise Misconfigured(
            f"the catalog {folder} is no folder; make it, or name another by --catalog or PRELO_CATALOG"
        )
    found: dict[tuple[str, int], Path] = {}
    reports: list[Report] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("_", ".")) or not path.is_file():
            continue
        for report in _reports(path):
            key = (report.name, report.version)
            if key in found:
                raise Misconfigured(
                    f"{path}: the report '{report.name}', version {report.version}, stands already in "
                    f"{found[key].name}; give one of them another name or version"
                )
            found[key] = path
            reports.append(report)
    return Catalog(reports)


def load_layout(path: Path, known: Mapping[str, Any]) -> Report:
    """A report of which the YAML file `path` says how it looks, and `known` where its rows are.

    What `known` says counts. Raises Misconfigured with the file, the line and what is wrong.
    """
    found = list(_documents(path))
    if len(found) != 1:
        raise Misconfigured(
            f"{path}: the file must say how one report looks (title, columns, …); it has {len(found)}"
        )
    node, document = found[0]
    return _from_document(path, node, _merged(document, known))


def _merged(under: Any, over: Mapping[str, Any]) -> Any:
    if not isinstance(under, Mapping):
        return under
    found = dict(cast("Mapping[str, Any]", under))
    for key, value in over.items():
        old = found.get(key)
        found[key] = _merged(old, value) if isinstance(value, dict) and old else value
    return found


def _reports(path: Path) -> Iterator[Report]:
    if path.suffix in {".yaml", ".yml"}:
        return _from_yaml(path)
    return _from_python(path) if path.suffix == ".py" else iter(())


def _from_yaml(path: Path) -> Iterator[Report]:
    return (_from_document(path, node, document) for node, document in _documents(path))


def _documents(path: Path) -> Iterator[tuple[yaml.Node, Any]]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        loader.folder = path.parent
        while loader.check_node():
            node = loader.get_node()
            document = loader.construct_document(node)
            if node is not None and document is not None:  # `---` at the end opens one more, empty
                yield node, document
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Misconfigured(f"{path}{place}: {error.problem}; mend the YAML there") from error
    except OSError as error:
        raise Misconfigured(f"{path}: the file cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: the file cannot be read as YAML: {error}") from error


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice: the second would silently win. `!file name` is the content
    of a file beside the YAML or below it: a logo, a workbook, a password.
    """

    folder = Path()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key.value}' stands here twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _content(loader: _Loader, node: yaml.Node) -> bytes:
    name = str(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else ""
    folder = loader.folder.resolve()
    path, problem = (folder / name).resolve(), f"it is not in {folder} or below"
    if path.is_relative_to(folder):
        try:
            return path.read_bytes()
        except OSError as error:
            problem = error.strerror or str(error)
    raise yaml.constructor.ConstructorError(
        None, None, f"the file '{name}' cannot be read: {problem}", node.start_mark
    )


_Loader.add_constructor("!file", _content)


def _from_document(path: Path, node: yaml.Node, document: Any) -> Report:
    if not isinstance(document, dict):
        raise Misconfigured(
            f"{path}, line {node.start_mark.line + 1}: a report is a mapping: name, source, …"
        )
    try:
        report = Report.model_validate(_with_passwords(cast("dict[str, Any]", document)))
        sheets = {
            name: sheet.model_copy(update={"source": _digested(sheet.source, path.parent)})
            for name, sheet in report.sheets.items()
        }
        update = {
            "source": _digested(report.source, path.parent),
            "sheets": sheets,
            "pdf": _with_folders(report.pdf, path.parent),
        }
        return report.model_copy(update=update)
    except ValidationError as error:
        raise Misconfigured(f"{path}: {_sentences(error, node)}") from error
    except PreloError as error:
        raise Misconfigured(f"{path}, line {node.start_mark.line + 1}: {error}") from error


def _with_passwords(document: dict[str, Any]) -> dict[str, Any]:
    """A password out of a file is a text, without the line break that editors leave at its end."""
    for form, name in _PASSWORDS:
        options = document.get(form)
        content = cast("dict[str, Any]", options).get(name) if isinstance(options, dict) else None
        if isinstance(content, bytes):
            try:
                password = content.decode().rstrip("\r\n")
            except UnicodeDecodeError:
                # Its message quotes the bytes: not even the cause may be kept.
                raise Misconfigured(f"{form}.{name}: the file is no text in UTF-8") from None
            document = {**document, form: {**cast("dict[str, Any]", options), name: password}}
    return document


def _digested(source: SourceSpec, folder: Path) -> SourceSpec:
    """A changed function makes another report: its file's text belongs to the definition."""
    file = (source.python or "").partition(":")[0]
    if not file.endswith(".py"):
        return source
    try:
        text = (folder / file).read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"the source's file '{file}' cannot be read: {error.strerror}"
        ) from error
    return source.model_copy(update={"digest": hashlib.sha256(text).hexdigest()})


def _with_folders(pdf: PdfOptions, folder: Path) -> PdfOptions:
    """The documents with the folders they stand in and what is in them: a changed template, too, makes
    another report.
    """
    given = {name: getattr(pdf, name) for name in ("document", "cover", "annex")}
    found = {name: _found(name, document, folder) for name, document in given.items() if document}
    return pdf.model_copy(update=found) if found else pdf


def _found(name: str, document: Document, catalog: Path) -> Document:
    root = catalog.resolve()
    folder = (root / document.folder).resolve()
    template = (folder / document.template).resolve()
    if not template.is_relative_to(root):
        raise Misconfigured(f"pdf.{name}: '{document.template}' is not in {root} or below")
    if not template.is_file():
        raise Misconfigured(
            f"pdf.{name}: there is no file {folder / document.template}; add it, or mend the path"
        )
    try:
        digest = _digest_of(folder)
    except OSError as error:
        raise Misconfigured(
            f"pdf.{name}: {error.filename} cannot be read: {error.strerror}"
        ) from error
    return document.model_copy(update={"folder": str(folder), "digest": digest})


def _digest_of(folder: Path) -> str:
    """Of the names and contents of all that a document in the folder may read: what is not hidden."""
    digest, files, size = hashlib.sha256(), 0, 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place, name)
            if not path.is_file():  # a pipe would be waited for
                continue
            files, size = files + 1, size + path.stat().st_size
            if files > _MOST_FILES or size > _MOST_BYTES:
                raise Misconfigured(
                    f"the document's folder {folder} has more than {_MOST_FILES:,} files or 64 MB; keep in "
                    "it only what the document needs"
                )
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape"))
            digest.update(b"\0" + content)
    return digest.hexdigest()


def _sentences(error: ValidationError, document: yaml.Node) -> str:
    said: list[str] = []
    for wrong in error.errors():
        place = ".".join(map(str, wrong["loc"])) or "the report"
        message = wrong["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        if wrong["type"] == "extra_forbidden":
            message = "there is no such setting; check its spelling"
        elif wrong["type"] == "missing":
            message = "it must be given"
        said.append(f"line {_line(document, wrong['loc'])}, {place}: {message}")
    return "; ".join(said)


def _line(node: yaml.Node, place: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `place` that the file has."""
    line = node.start_mark.line
    for step in place:
        children: list[tuple[Any, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            children = [(key, value) for key, value in node.value if key.value == str(step)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            children = [(item, item) for item in node.value[step : step + 1]]
        if not children:
            break
        key, node = children[0]
        line = key.start_mark.line
    return line + 1


def _from_python(path: Path) -> Iterator[Report]:
    """The file's decorated functions, in the order in which they stand there."""
    try:
        text = path.read_bytes()
        module = executed(path, text)
    except Exception as error:
        line = line_of(error, path)
        place = f"{path}, line {line}" if line else str(path)
        said = str(error) if isinstance(error, PreloError) else f"{type(error).__name__}: {error}"
        raise Misconfigured(f"{place}: {said}") from error
    digest = hashlib.sha256(text).hexdigest()
    for name, function in vars(module).items():
        report = getattr(function, "__prelo_report__", None)
        if isinstance(report, Report) and function.__module__ == module.__name__:
            source = SourceSpec(python=f"{path.name}:{name}", digest=digest)
            try:
                pdf = _with_folders(report.pdf, path.parent)
            except Misconfigured as error:
                raise Misconfigured(f"{path}, the report '{report.name}': {error}") from error
            yield report.model_copy(update={"source": source, "pdf": pdf})
