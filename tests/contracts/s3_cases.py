"""A place in a bucket, and what tests do there."""

from urllib.parse import urlsplit

from prelo.adapters.files_object import ObjectFiles
from tests.contracts.s3_fixtures import address
from tests.servers.s3 import client


class Place:
    """A prefix of a bucket, by our code and by boto3."""

    def __init__(self, bucket: str, endpoint: str, through: str = "", **options: object) -> None:
        self.bucket, self.endpoint = bucket, endpoint
        self.url = address(bucket, through or endpoint, **options)
        self.prefix = urlsplit(self.url).path.lstrip("/") + "/"
        self.files = ObjectFiles(self.url)
        self.s3 = client(endpoint)

    @property
    def patient(self) -> ObjectFiles:
        """The same with the usual time-out: for what shall succeed on a machine that is busy."""
        return ObjectFiles(self.url.replace("timeout=1", "timeout=20"))

    def uploads(self) -> set[str]:
        """Keys of the unfinished uploads, as boto3 sees them."""
        found = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return {
            one["Key"].removeprefix(self.prefix)
            for one in found
            if one["Key"].startswith(self.prefix)
        }

    def objects(self) -> set[str]:
        """Keys that are visible, as boto3 sees them."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix).get("Contents", [])
        return {one["Key"].removeprefix(self.prefix) for one in found}

    def begin(self, key: str) -> None:
        """An upload of somebody who died."""
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key=self.prefix + key)
        self.s3.upload_part(
            Bucket=self.bucket, Key=self.prefix + key, UploadId=begun["UploadId"], PartNumber=1,
            Body=b"part",
        )  # fmt: skip


def put(files: ObjectFiles, key: str, content: bytes = b"content") -> None:
    with files.create(key, "text/csv") as sink:
        for start in range(0, len(content), 1 << 20):
            sink.write(content[start : start + (1 << 20)])


async def get(files: ObjectFiles, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in files.read(key, start, end)])
