"""Of each type of problem: when it comes, and what to do."""

ADVICE: dict[str, tuple[str, str]] = {
    "refused": (
        "The request is wrong as HTTP, in a way that has no name of its own.",
        "read `detail`.",
    ),
    "header-invalid": (
        (
            "`Idempotency-Key` or `From` is empty, too long, given twice, or has characters that it "
            "may not have."
        ),
        "send 1 to 255 printable characters.",
    ),
    "not-json": (
        (
            "The body cannot be read as JSON, or has a number that is too large to be one. `detail` "
            "says where."
        ),
        "mend the body; most often a comma, a quote, or the end is missing.",
    ),
    "body-cut": (
        "The connection ended before the body did. Nothing of it is kept.",
        "send it again, whole.",
    ),
    "graphql-invalid": (
        "The GraphQL document cannot be read, or asks for what the schema does not have.",
        "mend the document; see [GraphQL](graphql.md).",
    ),
    "graphql-too-costly": (
        "The GraphQL document asks for more at once than is answered.",
        "ask for fewer nodes or fields, or in several questions; `detail` names the limit.",
    ),
    "unauthenticated": (
        "No key or token came with the request, or it is wrong, revoked or over.",
        "send `Authorization: Bearer …` with a key or token that is good; see [callers](keys.md).",
    ),
    "forbidden": (
        (
            "Who asks is known, and lacks a scope or a permission, which `detail` names; or asks for "
            "another tenant."
        ),
        "use a key that has it, or have an operator make one.",
    ),
    "origin-refused": (
        "A page of another server opened a WebSocket here from a browser.",
        "connect from a page of this server, or from a program.",
    ),
    "not-found": (
        (
            "There is no such report, version, job, schedule, webhook, dataset or address; or it is "
            "not yours to see."
        ),
        "check the name or the id. A job that was forgotten is gone for good: ask anew.",
    ),
    "method-not-allowed": (
        "The address is right, and the method is not.",
        "use one of those that `Allow` names.",
    ),
    "conflict": (
        (
            "What is asked for does not go with the present state: the file of a job that is queued, "
            "a retry of one that has succeeded, a dataset that a job needs."
        ),
        "look at the job, whose `links` say what can be done with it now.",
    ),
    "gone": (
        "There was a file, and its retention is over or it is not in storage any more.",
        "make it again by `:retry` or `:refresh`. The manifest is still there.",
    ),
    "too-large": (
        "The body has more bytes than are taken; `detail` says how many are.",
        "upload rows as a [dataset](datasets.md), or a dataset as Parquet.",
    ),
    "media-type-unsupported": (
        "`Content-Type` is another than the call takes, or the body is compressed.",
        "send one of those that `detail` names, uncompressed.",
    ),
    "range-unsatisfiable": (
        "`Range` begins behind the end of the file; `Content-Range` says how long it is.",
        "ask for a range within it, or for the whole file.",
    ),
    "parameters-invalid": (
        "A value of the request is wrong. `errors` says which, by JSON pointers, and why.",
        "mend these values. Ask with `?validate_only=true` to try without making anything.",
    ),
    "idempotency-key-reused": (
        "The same `Idempotency-Key` came within a day with another body.",
        "use a new key for a new request; the same key is for a repeat of the same one.",
    ),
    "too-many-jobs": (
        "So many of your tenant's jobs are waiting as may (`PRELO_MAX_QUEUED_PER_TENANT`).",
        (
            "wait for `Retry-After` seconds, or until some are done. Equal requests and finished "
            "files are served."
        ),
    ),
    "too-many-requests": (
        (
            "Your tenant asked more often within a minute than it may "
            "(`PRELO_MAX_REQUESTS_PER_TENANT`)."
        ),
        (
            "wait for `Retry-After` seconds. Follow jobs by [events](live.md) instead of looking at "
            "them often."
        ),
    ),
    "not-installed": (
        "The server lacks the library that this call needs.",
        "have the operator install the extra that `detail` names.",
    ),
    "unavailable": (
        "A part of Prelo does not answer, or there is no room for more. Nothing was half-done.",
        (
            "ask again after `Retry-After` seconds; with an `Idempotency-Key`, or for an equal "
            "request, that is safe. Operators: `prelo doctor`, `/readyz`."
        ),
    ),
    "report-quarantined": (
        (
            "This version of the report took its process down too often (`PRELO_MAX_LOSSES`) and "
            "rests."
        ),
        (
            "ask for another version, or later. Its author looks at what it does: mostly it takes too"
            " much memory."
        ),
    ),
    "internal": (
        "Prelo made a mistake. It is in the log, and nothing was half-done.",
        "ask again. If it stays, tell the operator when it was.",
    ),
    "query-failed": (
        (
            "The database refused the report's query: no such table, no right to it, a type that does"
            " not fit."
        ),
        "the report's author mends the query; `detail` has what the database said.",
    ),
    "source-invalid": (
        (
            "The data could be reached, and is no table: a row of another length, values that are not"
            " of the column's kind, a dataset that has expired."
        ),
        "mend the data or the column's `kind`, as `detail` says, and retry.",
    ),
    "column-missing": (
        "The report names a column that its data does not have.",
        "mend the name in the report or in the query. `detail` has the names that there are.",
    ),
    "function-failed": (
        "The report's Python function raised an error, or did not give back rows.",
        "the report's author mends it; `detail` has the error and its line.",
    ),
    "format-failed": (
        (
            "The rows are fine, and the file cannot be made as the report asks: a template that does "
            "not fit, a total that a column cannot have, a picture that cannot be read."
        ),
        "the report's author mends what `detail` names.",
    ),
    "row-limit": (
        "The data has more rows than the report's `limits.rows`, or the tenant's, let in.",
        "narrow the parameters, or raise the limit.",
    ),
    "time-limit": (
        "One attempt took longer than the report's `limits.seconds`, or the tenant's.",
        "narrow the parameters, make the query faster, or raise the limit.",
    ),
    "out-of-memory": (
        "The report needs more than its `limits.memory`.",
        (
            "narrow the parameters, give back rows in batches instead of all at once, or raise the "
            "limit."
        ),
    ),
    "file-limit": (
        (
            "The file grew beyond the report's `limits.file_size` or the tenant's, or a temporary "
            "file found no room."
        ),
        "narrow the parameters, raise the limit, or make room in the temporary folder.",
    ),
    "deadline": (
        "The job had not begun when its `deadline` had passed.",
        "ask again, with a later deadline or a higher `priority`.",
    ),
    "definition-missing": (
        (
            "The worker's catalog does not have this version of the report, or another one under its "
            "number."
        ),
        "bring the same catalog to all processes, and give a changed report a new version.",
    ),
    "source-unavailable": (
        "The source of the rows does not answer: its server is down, full, or breaks off.",
        (
            "mend the source; the job goes on by itself. A dead one is run again by `:retry` or at "
            "the [desk](api.md#replaying-dead-jobs)."
        ),
    ),
    "storage-unavailable": (
        "The place for files does not answer, or is full. A call of the API says it as a 503.",
        "mend the storage; the job goes on by itself.",
    ),
    "press-lost": (
        (
            "The process in which the report was made ended without a word: it was killed, or crashed"
            " in a library."
        ),
        "look whether it needs too much memory. The job is tried again.",
    ),
    "worker-lost": (
        "The worker ended, or was cut off, for longer than its lease.",
        "nothing: another worker takes the job. If it happens often, look at the machines.",
    ),
    "misconfigured": (
        "A setting or a report of the catalog is wrong; it is said when a process starts.",
        "mend what the sentence names; `prelo doctor` asks every part.",
    ),
    "job-failed": (
        (
            "The job that a client waited for ended without a file. `reason` of the exception has the"
            " job's `error`."
        ),
        "read the section of that error's type.",
    ),
    "not-finished": (
        "A client's patience ended before the job did.",
        "wait for it again: the job goes on.",
    ),
    "damaged": (
        "What was downloaded is not what `Repr-Digest` promised, again and again.",
        "download it once more; look for what changes it on its way.",
    ),
}
