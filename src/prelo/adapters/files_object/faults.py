"""What obstore raises, as sentences of ours. A server's answer is not repeated: signatures may be in it."""

import errno
import re
from collections.abc import Callable

from obstore.exceptions import BaseError

from prelo.core.errors import FileLimit, PreloError, StorageUnavailable, Unavailable

VENDOR = (OSError, ValueError, BaseError)
_OS_ERROR = re.compile(r"os error (\d+)")
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_KEYS = (
    "refuses the keys; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN)"
)
_RIGHTS = (
    "does not let these keys do it; they need s3:ListBucket, s3:ListBucketMultipartUploads, s3:GetObject, "
    "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"
)
_REGION = "is in another region; say which by PRELO_FILES=s3://…?region=…"

# The first whose text is in what obstore says; codes of S3 come before statuses, and causes before outcomes.
_BUCKET_SENTENCES = (
    ("/latest/api/token", "cannot be asked without keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ("NoSuchBucket", "is not there; create it, or check PRELO_FILES"),
    ("InvalidAccessKeyId", _KEYS),
    ("XAdminUserNotFound", _KEYS),  # versitygw
    ("SignatureDoesNotMatch", _KEYS),
    ("ExpiredToken", _KEYS),
    ("InvalidToken", _KEYS),
    ("RequestTimeTooSkewed", "refuses this machine's clock; set it right"),
    ("AuthorizationHeaderMalformed", _REGION),
    ("PermanentRedirect", _REGION),
    ("403 Forbidden", _RIGHTS),
    ("SlowDown", "asks us to slow down"),
    ("kind: Timeout", "did not answer in time"),
    ("kind: Connect", "cannot be reached; is the address right, and the server running?"),
    ("status: 5", "is in trouble, and said so"),
    ("error sending request", "cannot be reached, or did not answer in time"),  # a writer says no more
)  # fmt: skip

Said = Callable[[Exception], str]


def of_folder(error: Exception) -> str:
    """What is wrong with a local folder."""
    return f"the file storage cannot be reached: {first_line(error)}"


def of_bucket(name: str) -> Said:
    """What is wrong with the bucket `name`, by the way its server or the network behaved."""

    def said(error: Exception) -> str:
        text = str(error)
        found = (words for sign, words in _BUCKET_SENTENCES if sign in text)
        return f"{name} {next(found, 'broke off, or answered oddly; ask again')}"

    return said


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def failure(error: Exception, said: Said) -> PreloError:
    """While a file was written."""
    found = _OS_ERROR.search(str(error))
    number = int(found[1]) if found else getattr(error, "errno", None)
    if number in _FULL:
        return FileLimit(
            f"the file could not be stored, disk or limit is full: {first_line(error)}"
        )
    return StorageUnavailable(f"the file could not be stored: {said(error)}")


def unavailable(error: Exception, said: Said) -> Unavailable:
    """At any other time."""
    return Unavailable(said(error))
