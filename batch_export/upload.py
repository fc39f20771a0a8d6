"""Putting finished files on S3."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from itrack.errors import TryAgain

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["sha256_of", "upload"]

_CONTENT_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
    ".gz": "application/gzip",
    ".json": "application/json",
}


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as hexadecimal text."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def upload(s3: S3Client, bucket: str, key: str, path: Path, sha256: str) -> None:
    """Put a file on S3 (in parts when it is large) and check that its size arrived.

    Raises:
        TryAgain: another size arrived than was sent.
        botocore or boto3 errors: see `itrack.s3.asking_s3`.
    """
    s3.upload_file(
        str(path),
        bucket,
        key,
        ExtraArgs={
            "ContentType": _CONTENT_TYPES.get(path.suffix, "application/octet-stream"),
            "Metadata": {"sha256": sha256},
        },
    )
    arrived = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
    if arrived != path.stat().st_size:
        raise TryAgain(f"S3 holds {arrived} bytes of {key}, {path.stat().st_size} were sent: export the day again.")
