"""Fetching what the export wrote: the manifests on S3 and the Parquet files they name, verified."""

from __future__ import annotations

import re
from datetime import date
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from itrack.dataset import EXPORTS, DataFile, Manifest, decode_manifest, manifest_key
from itrack.errors import FixConfiguration, SetAside
from itrack.s3 import asking_s3
from itrack.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["DayInput", "exported_days", "fetch_fixes", "fetch_manifest", "is_missing"]

_MANIFEST_KEY = re.compile(rf"{EXPORTS}day=(\d{{4}}-\d{{2}}-\d{{2}})/manifest\.json")


class DayInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a model learnt from, one day.

    Attributes:
        manifest_key, manifest_sha256: the day's manifest as it was read.
        key, sha256, rows: the file of fixes that it named.
    """

    manifest_key: str
    manifest_sha256: str
    key: str
    sha256: str
    rows: int


def exported_days(s3: S3Client, settings: Settings) -> list[date]:
    """The days that have a manifest, in order."""
    days = []
    with asking_s3(settings, f"listing {EXPORTS}"):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket, Prefix=EXPORTS)
        for page in pages:
            for listed in page.get("Contents", []):
                found = _MANIFEST_KEY.fullmatch(listed.get("Key", ""))
                if found:
                    days.append(date.fromisoformat(found[1]))
    return sorted(days)


def fetch_manifest(s3: S3Client, settings: Settings, day: date) -> tuple[Manifest, str]:
    """A day's manifest and the SHA-256 of its text.

    Raises:
        FixConfiguration: the day was not exported, or its export is not whole.
    """
    key = manifest_key(day)
    try:
        with asking_s3(settings, f"reading {key}"):
            try:
                content = s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()
            except ClientError as error:
                if is_missing(error):
                    raise FixConfiguration(
                        f"The day {day} is not exported: run `itrack export --day {day}`."
                    ) from error
                raise
        manifest = decode_manifest(content)
    except SetAside as error:
        raise FixConfiguration(
            f"{key} is damaged ({error}): run `itrack export --day {day}` again before training on it."
        ) from error
    if manifest.day != day:
        raise FixConfiguration(f"{key} is the manifest of another day, {manifest.day}: export {day} again.")
    if manifest.problems:
        raise FixConfiguration(f"The export of {day} does not add up: {manifest.problems[0]} Export it again.")
    return manifest, sha256(content).hexdigest()


def fetch_fixes(s3: S3Client, settings: Settings, days: list[date], folder: Path) -> list[DayInput]:
    """Download each day's `fixes.parquet` as `fixes-YYYY-MM-DD.parquet`; days without fixes are passed over.

    Raises:
        FixConfiguration: a day is missing or damaged, a file is not the one its manifest names, or the days were
            cut in different zones.
    """
    inputs: list[DayInput] = []
    zones: set[str] = set()
    for day in days:
        manifest, manifest_sha256 = fetch_manifest(s3, settings, day)
        zones.add(manifest.zone)
        if len(zones) > 1:
            raise FixConfiguration(
                f"The days were cut in different time zones ({', '.join(sorted(zones))}), so some fixes would count "
                "twice: export them all with the same --zone."
            )
        try:
            file = manifest.parquet_of("fixes")
        except SetAside as error:
            raise FixConfiguration(f"{manifest_key(day)} is damaged ({error}): export {day} again.") from error
        if file.rows:
            _download(s3, settings, file, folder / f"fixes-{day}.parquet")
            inputs.append(
                DayInput(
                    manifest_key=manifest_key(day),
                    manifest_sha256=manifest_sha256,
                    key=file.key,
                    sha256=file.sha256,
                    rows=file.rows,
                )
            )
    return inputs


def is_missing(error: ClientError) -> bool:
    """Whether S3 said that there is no such object."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def _download(s3: S3Client, settings: Settings, file: DataFile, path: Path) -> None:
    with asking_s3(settings, f"reading {file.key}"):
        s3.download_file(settings.s3_bucket, file.key, str(path))
    with path.open("rb") as content:
        found = file_digest(content, "sha256").hexdigest()
    if found != file.sha256:
        raise FixConfiguration(
            f"{file.key} is not the file that its manifest names (its SHA-256 differs): it was changed, or the day is "
            "being exported right now. Export the day again, then train."
        )
