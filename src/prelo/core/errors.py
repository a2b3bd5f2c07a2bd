"""Every error Prelo raises on purpose. The tree answers two questions: whose fault, and try again?

PreloError
├── Misconfigured          the operator's: a setting is wrong; said at start
├── Refused                the caller's: the same call would be refused again
│   ├── Invalid            a value is wrong (`errors` says where)
│   ├── NotFound           no such report, job or file
│   ├── Conflict           the job's state forbids it
│   ├── KeyReused          the idempotency key belongs to another request
│   ├── Gone               there was a file, and its retention is over
│   ├── TooLarge           more than the door lets in
│   ├── Unauthenticated    who asks is not known: no key or token, or not a good one
│   └── Forbidden          who asks is known, and may not do that
├── Unavailable            ours, and passing: ask again after `retry_after` seconds
│   ├── TooManyJobs        the tenant has as many waiting as it may
│   ├── TooManyRequests    the tenant asks more often than it may
│   └── Quarantined        the report crashed too often; it rests
├── JobFailed              what a client raises for a job that ended without a file
├── NotFinished            a client's patience ended before the job did
├── Damaged                a downloaded file is not what the server promised
└── Failure                ends an attempt; becomes the job's `error`
    ├── Permanent          the same attempt would fail again
    │   ├── QueryFailed · SourceInvalid · ColumnMissing · FunctionFailed
    │   └── RowLimit · TimeLimit · OutOfMemory · FileLimit · FormatFailed · Deadline
    └── Transient          worth another attempt
        └── SourceUnavailable · StorageUnavailable · DefinitionMissing · PressLost · WorkerLost
"""

from typing import Any, ClassVar

from prelo.core.model import Model


class FieldError(Model):
    """One wrong value: where it stands (RFC 6901 JSON pointer into the request) and what is wrong."""

    pointer: str
    detail: str


class Problem(Model):
    """An error as data: the members of RFC 9457 that do not depend on HTTP, and two of ours."""

    type: str
    title: str
    detail: str
    retryable: bool = False
    attempt: int | None = None
    errors: tuple[FieldError, ...] = ()


class PreloError(Exception):
    """The base. `type` is the stable name that callers may match on; the message is for people."""

    type: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors

    def problem(self, attempt: int | None = None) -> Problem:
        """The error as data, to be stored with a job or sent to a caller."""
        return Problem(
            type=self.type,
            title=self.title,
            detail=self.detail,
            retryable=self.retryable,
            attempt=attempt,
            errors=self.errors,
        )


class Misconfigured(PreloError):
    type = "misconfigured"
    title = "A setting is wrong"


class Refused(PreloError):
    type = "refused"
    title = "The request was refused"


class Invalid(Refused):
    type = "parameters-invalid"
    title = "The request is not valid"


class NotFound(Refused):
    type = "not-found"
    title = "Not found"


class Conflict(Refused):
    type = "conflict"
    title = "The request conflicts with the present state"


class KeyReused(Refused):
    type = "idempotency-key-reused"
    title = "This idempotency key was used with another request"


class Gone(Refused):
    type = "gone"
    title = "The file has expired"


class TooLarge(Refused):
    type = "too-large"
    title = "The request is too large"


class Unauthenticated(Refused):
    """`given`: something was shown, and it was not good; else nothing was."""

    type = "unauthenticated"
    title = "Who asks is not known"

    def __init__(self, detail: str, *, given: bool = True) -> None:
        super().__init__(detail)
        self.given = given


class Forbidden(Refused):
    """`scope`: the one that is missing, where it is one."""

    type = "forbidden"
    title = "That is not allowed"

    def __init__(self, detail: str, scope: str | None = None) -> None:
        super().__init__(detail)
        self.scope = scope


class Unavailable(PreloError):
    """A part of Prelo cannot be reached or has no room; nothing was changed, or a repeat is safe."""

    type = "unavailable"
    title = "Not possible just now"
    retryable = True

    def __init__(self, detail: str, retry_after: float = 5.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyJobs(Unavailable):
    policy = "queued"  # the quota that is used up, as the RateLimit fields call it
    type = "too-many-jobs"
    title = "Too many of your jobs are waiting"


class TooManyRequests(Unavailable):
    policy = "requests"
    type = "too-many-requests"
    title = "You ask too often"


class Quarantined(Unavailable):
    type = "report-quarantined"
    title = "The report is in quarantine"


class JobFailed(PreloError):
    """The job ended without a file. `reason` says why, `state` how: failed, dead, cancelled or expired."""

    type = "job-failed"
    title = "The report could not be made"

    def __init__(self, job_id: str, state: str, reason: Problem | None) -> None:
        why = (
            f"{reason.title}: {reason.detail}" if reason else "It was stopped, or its file is gone."
        )
        super().__init__(f"the job {job_id} is {state}. {why}", reason.errors if reason else ())
        self.job_id = job_id
        self.state = state
        self.reason = reason


class NotFinished(PreloError):
    type = "not-finished"
    title = "The report is not finished yet"
    retryable = True


class Damaged(PreloError):
    type = "damaged"
    title = "The file arrived damaged"
    retryable = True


class Failure(PreloError):
    """Ends an attempt. Raised in the press, stored as the job's error."""


class Permanent(Failure):
    """The same attempt would fail again: the job fails at once."""


class QueryFailed(Permanent):
    type = "query-failed"
    title = "The query failed"


class SourceInvalid(Permanent):
    type = "source-invalid"
    title = "The data could not be read"


class ColumnMissing(Permanent):
    type = "column-missing"
    title = "A column is missing"


class FunctionFailed(Permanent):
    type = "function-failed"
    title = "The report's function failed"


class FormatFailed(Permanent):
    type = "format-failed"
    title = "The file could not be made"


class RowLimit(Permanent):
    type = "row-limit"
    title = "The report has too many rows"


class TimeLimit(Permanent):
    type = "time-limit"
    title = "The report took too long"


class OutOfMemory(Permanent):
    type = "out-of-memory"
    title = "The report needs too much memory"


class FileLimit(Permanent):
    type = "file-limit"
    title = "The file grew too large"


class Transient(Failure):
    """Worth another attempt."""

    retryable = True


class DefinitionMissing(Transient):
    type = "definition-missing"
    title = "The report's definition is not here"


class SourceUnavailable(Transient):
    """`source`: its name as SourceSpec.name, where a report has several."""

    type = "source-unavailable"
    title = "The data source cannot be reached"
    source = ""


class StorageUnavailable(Transient):
    type = "storage-unavailable"
    title = "The file storage cannot be reached"


class PressLost(Transient):
    type = "press-lost"
    title = "The press ended without a word"


class WorkerLost(Transient):
    type = "worker-lost"
    title = "The worker ended without a word"


class Deadline(Permanent):
    type = "deadline"
    title = "The job's deadline passed before it ran"


def failures() -> dict[str, type[Failure]]:
    """Every failure by its type, to bring back one that crossed a process border as a Problem."""

    def below(cls: type[Failure]) -> dict[str, Any]:
        found = {} if cls in {Failure, Permanent, Transient} else {cls.type: cls}
        for child in cls.__subclasses__():
            found |= below(child)
        return found

    return below(Failure)
