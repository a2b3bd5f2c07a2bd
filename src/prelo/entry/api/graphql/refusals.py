"""Errors of GraphQL: in their `extensions` what REST's problem documents say, and nothing of the inside."""

import logging
from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from prelo.core.errors import PreloError
from prelo.entry.api.graphql.cost import MAX_TOKENS, TooCostly, check
from prelo.entry.api.problems import INTERNAL, HttpRefused, document, retry_after, status_of

_MOST_SAID = 500  # characters: the library quotes what was sent
_INSIDE = 500  # the status of what is not the caller's fault
_WHICH = "there are several operations, or none of that name: say which one by operationName"
_LOG = logging.getLogger("uvicorn.error")  # where what breaks REST is logged, too


class DocumentInvalid(HttpRefused):
    type = "graphql-invalid"
    title = "The GraphQL document is not valid"


class Schema(strawberry.Schema):
    """Logs what is a mistake of ours, with where it happened; callers' mistakes are told to callers."""

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: Any = None,  # noqa: ARG002  the library's signature
    ) -> None:
        for error in errors:
            if refusal_of(error) is None:
                _LOG.error("GraphQL: %s", error.message, exc_info=_cause(error) or error)


class Limits(SchemaExtension):
    """What asks for too much is refused before it is validated: that alone can take seconds."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = MAX_TOKENS
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        try:
            if context.graphql_document is not None:
                check(context.graphql_document, context.variables or {})
                self._chosen(context.graphql_document)
        except HttpRefused as error:
            context.pre_execution_errors = [GraphQLError(error.detail, original_error=error)]
        yield

    def _chosen(self, document: DocumentNode) -> None:
        """The library would take the first operation of several; the specification wants one named."""
        named = self.execution_context._provided_operation_name  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the public one is a guess
        found = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
        if named is None and len(list(found)) > 1:
            raise DocumentInvalid(_WHICH)


class Problems(SchemaExtension):
    """Every error of every answer becomes a problem."""

    def on_operation(self) -> Iterator[None]:
        yield
        _tell(self.execution_context.result)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        _tell(result)
        yield


def _tell(result: Any) -> None:
    if errors := getattr(result, "errors", None):
        result.errors = [told(error) for error in errors]


def told(error: GraphQLError) -> GraphQLError:
    """The error as callers see it: where it is in the question and the answer, and the problem."""
    if error.extensions and "status" in error.extensions:
        return error  # told already
    refusal = refusal_of(error)
    problem, status = (
        (INTERNAL, _INSIDE) if refusal is None else (refusal.problem(), status_of(refusal))
    )
    extensions = document(problem, status)
    if refusal is not None and (seconds := retry_after(refusal)) is not None:
        extensions["retryAfter"] = seconds
    return GraphQLError(
        problem.detail,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def refusal_of(error: GraphQLError) -> PreloError | None:
    """The caller's mistake, or what is passing; None for a mistake of ours."""
    cause = _cause(error)
    if isinstance(cause, PreloError):
        return cause if status_of(cause) != _INSIDE else None
    if isinstance(cause, InvalidOperationTypeError):
        return DocumentInvalid(
            "subscriptions go over a WebSocket at this address, by the protocol graphql-transport-ws"
        )
    if isinstance(cause, CannotGetOperationTypeError):
        return DocumentInvalid(_WHICH)
    if isinstance(cause, RecursionError):
        return TooCostly("the document is nested too deeply")
    return None if cause is not None else _own(error)


def _own(error: GraphQLError) -> PreloError:
    """What the library itself refuses: it does not parse, or does not fit the schema."""
    said = error.message
    if isinstance(error, GraphQLSyntaxError):
        if "Document contains more than" in said:
            return TooCostly(
                f"the document has more than {MAX_TOKENS:,} words and signs; send values as variables"
            )
        if "nested too deeply" in said:
            return TooCostly("the document is nested too deeply")
    return DocumentInvalid(said if len(said) <= _MOST_SAID else f"{said[:_MOST_SAID]}…")


def _cause(error: GraphQLError) -> Exception | None:
    cause: Exception | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
