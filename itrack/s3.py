"""S3: the client, and making sure that the bucket exists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from itrack.errors import FixConfiguration, TryAgain
from itrack.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["LOCAL_ACCESS_KEY", "LOCAL_SECRET_KEY", "asking_s3", "ensure_bucket", "open_s3"]

LOCAL_ACCESS_KEY = "itrack-local"
LOCAL_SECRET_KEY = "itrack-local-only"  # noqa: S105 - the local endpoint listens on this machine only
"""Credentials of the local stack's own S3 endpoint, which listens on the loopback address only."""

_PASSING = "RequestTimeout"
"""S3 says so with status 400, although asking again helps."""


def open_s3(settings: Settings) -> S3Client:
    """A client for the endpoint that the settings name.

    Credentials: the settings' own; else the local stack's when its endpoint is used; else boto3's usual search
    (environment, profile, role).
    """
    access_key = settings.s3_access_key
    secret_key = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None
    if access_key is None and settings.s3_endpoint_url is None:
        access_key, secret_key = LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_address,
        region_name=settings.s3_region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"} if settings.s3_address else {},
        ),
    )


def ensure_bucket(s3: S3Client, settings: Settings) -> None:
    """Create the bucket where it is missing; it may be created by somebody else meanwhile.

    Raises:
        FixConfiguration, TryAgain: as `asking_s3`; a bucket that is somebody else's is refused.
    """
    with asking_s3(settings, "the use of the bucket"):
        try:
            s3.head_bucket(Bucket=settings.s3_bucket)
        except ClientError as error:
            if _status(error) != 404:
                raise
            _create_bucket(s3, settings)


def _create_bucket(s3: S3Client, settings: Settings) -> None:
    try:
        if settings.s3_region == "us-east-1":
            s3.create_bucket(Bucket=settings.s3_bucket)
        else:
            s3.create_bucket(
                Bucket=settings.s3_bucket,
                CreateBucketConfiguration={"LocationConstraint": settings.s3_region},  # type: ignore[typeddict-item]
            )
    except ClientError as error:
        if _code(error) == "BucketAlreadyExists":
            raise FixConfiguration(
                f"The S3 bucket {settings.s3_bucket!r} belongs to somebody else: set ITRACK_S3_BUCKET to another name."
            ) from error
        if _code(error) != "BucketAlreadyOwnedByYou":
            raise


@contextmanager
def asking_s3(settings: Settings, doing: str) -> Iterator[None]:
    """Name boto3's errors by what they ask for, while the block runs.

    Args:
        settings: for the endpoint and the bucket.
        doing: what is tried, such as `reading models/x`; it stands in the message.

    Raises:
        FixConfiguration: S3 refuses it with these credentials.
        TryAgain: S3 is away or busy.
    """
    try:
        yield
    except ClientError as error:
        raise _named(error, settings, doing) from error
    except NoCredentialsError as error:
        raise FixConfiguration(
            "There are no credentials for S3. Set ITRACK_S3_ACCESS_KEY and ITRACK_S3_SECRET_KEY, or give boto3 a "
            "profile or a role."
        ) from error
    except (BotoCoreError, Boto3Error) as error:
        if isinstance(error.__context__, ClientError):  # `upload_file` wraps what S3 said
            raise _named(error.__context__, settings, doing) from error
        raise TryAgain(f"S3 at {settings.s3_address or 'Amazon'} did not answer at {doing}: {error}") from error


def _named(error: ClientError, settings: Settings, doing: str) -> FixConfiguration | TryAgain:
    if _status(error) in {400, 401, 403, 404} and _code(error) != _PASSING:
        return FixConfiguration(
            f"S3 refused {doing} in the bucket {settings.s3_bucket!r} ({_code(error)}): "
            "check ITRACK_S3_BUCKET and the rights of the credentials."
        )
    return TryAgain(f"S3 failed at {doing} ({_code(error)}).")


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _code(error: ClientError) -> str:
    return error.response["Error"].get("Code", "no code")
