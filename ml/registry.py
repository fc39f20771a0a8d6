"""The models on S3.

```
models/unusual-movement/20261122T170405Z-1f2e3d4c/model.tar.gz
models/unusual-movement/20261122T170405Z-1f2e3d4c/metrics.json
models/unusual-movement/20261122T170405Z-1f2e3d4c/manifest.json
models/unusual-movement/current.json                               written last
```
`current.json` names the manifest and its SHA-256, the manifest names the archive and its SHA-256, the archive's card
names the weights and theirs. A version is never overwritten; going back is writing an older one to `current.json`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.exceptions import ClientError

from itrack.errors import FixConfiguration
from itrack.instant import Instant
from itrack.s3 import asking_s3
from itrack.settings import Settings
from ml.archive import pack, unpack
from ml.dataset import DayInput, is_missing
from ml.model import ModelRefused, UnusualMovement, load
from ml.source import source_sha256

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["LoadedModel", "ModelManifest", "Pointer", "load_current", "publish"]

MODELS = "models/"
REGISTRY_SCHEMA = 1

S = TypeVar("S", bound=msgspec.Struct)


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model comes from and how good it is.

    Attributes:
        name, version: which model.
        archive_key, archive_sha256, archive_bytes: `model.tar.gz`.
        inputs: the exported days it was made from.
        code_version, code_sha256: the program and the entry points' source.
        hyperparameters, metrics, libraries: as training wrote them.
        trained_at: when.
    """

    schema: int = REGISTRY_SCHEMA
    name: str
    version: str
    archive_key: str
    archive_sha256: str
    archive_bytes: int
    inputs: list[DayInput]
    code_version: str
    code_sha256: str
    hyperparameters: dict[str, Any]
    metrics: dict[str, Any]
    libraries: dict[str, str]
    trained_at: Instant


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Which version is current."""

    schema: int = REGISTRY_SCHEMA
    name: str
    version: str
    manifest_key: str
    manifest_sha256: str


class LoadedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model ready to score, and where it came from."""

    model: UnusualMovement
    manifest: ModelManifest


def publish(
    s3: S3Client,
    settings: Settings,
    folder: Path,
    inputs: list[DayInput],
    *,
    now: datetime | None = None,
) -> tuple[ModelManifest, str]:
    """Put the model in a folder on S3 and make it current; returns its manifest and its address.

    Args:
        s3: the client.
        settings: for the bucket.
        folder: as the training entry point left it.
        inputs: what it was trained on.
        now: when it was trained; the present when None.
    """
    at = now or datetime.now(UTC)
    metrics = msgspec.json.decode((folder / "metrics.json").read_bytes())
    card = load(folder).card
    with TemporaryDirectory(prefix="itrack-model-") as scratch:
        archive = Path(scratch) / "model.tar.gz"
        pack(folder, archive)
        archive_sha256 = sha256(archive.read_bytes()).hexdigest()
        version_name = f"{at:%Y%m%dT%H%M%SZ}-{archive_sha256[:8]}"
        prefix = f"{MODELS}{card.name}/{version_name}/"
        manifest = ModelManifest(
            name=card.name,
            version=version_name,
            archive_key=f"{prefix}model.tar.gz",
            archive_sha256=archive_sha256,
            archive_bytes=archive.stat().st_size,
            inputs=inputs,
            code_version=f"itrack {version('itrack')}",
            code_sha256=source_sha256(),
            hyperparameters=metrics.pop("hyperparameters"),
            metrics=metrics,
            libraries=card.libraries,
            trained_at=at,
        )
        content = _json(manifest)
        pointer = Pointer(
            name=card.name,
            version=version_name,
            manifest_key=f"{prefix}manifest.json",
            manifest_sha256=sha256(content).hexdigest(),
        )
        with asking_s3(settings, f"writing {prefix}"):
            s3.upload_file(str(archive), settings.s3_bucket, manifest.archive_key)
            s3.upload_file(str(folder / "metrics.json"), settings.s3_bucket, f"{prefix}metrics.json")
            s3.put_object(Bucket=settings.s3_bucket, Key=pointer.manifest_key, Body=content)
            s3.put_object(Bucket=settings.s3_bucket, Key=_current_key(card.name), Body=_json(pointer))
    return manifest, f"s3://{settings.s3_bucket}/{manifest.archive_key}"


def load_current(s3: S3Client, settings: Settings, name: str) -> LoadedModel:
    """The current model of that name, every hash verified on the way.

    Raises:
        FixConfiguration: there is none, something was changed, or it was made with other libraries.
        TryAgain: S3 is away.
    """
    pointer = _decode(_read(s3, settings, _current_key(name)), Pointer, _current_key(name))
    content = _read(s3, settings, pointer.manifest_key)
    _refuse_changed(content, pointer.manifest_sha256, pointer.manifest_key)
    manifest = _decode(content, ModelManifest, pointer.manifest_key)
    packed = _read(s3, settings, manifest.archive_key)
    _refuse_changed(packed, manifest.archive_sha256, manifest.archive_key)
    with TemporaryDirectory(prefix="itrack-model-") as scratch:
        archive, folder = Path(scratch) / "model.tar.gz", Path(scratch) / "model"
        archive.write_bytes(packed)
        unpack(archive, folder)
        try:
            return LoadedModel(model=load(folder), manifest=manifest)
        except ModelRefused as error:
            raise FixConfiguration(f"The model {name} {manifest.version} cannot be used: {error}") from error


def _current_key(name: str) -> str:
    return f"{MODELS}{name}/current.json"


def _json(record: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _read(s3: S3Client, settings: Settings, key: str) -> bytes:
    with asking_s3(settings, f"reading {key}"):
        try:
            return s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if is_missing(error):
                raise FixConfiguration(f"There is no {key} on S3: run `itrack train` first.") from error
            raise


def _refuse_changed(content: bytes, expected_sha256: str, key: str) -> None:
    if sha256(content).hexdigest() != expected_sha256:
        raise FixConfiguration(f"{key} was changed after it was published (its SHA-256 differs): train again.")


def _decode(content: bytes, kind: type[S], key: str) -> S:
    try:
        record = msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FixConfiguration(f"{key} is damaged ({error}): train again.") from error
    if getattr(record, "schema", None) != REGISTRY_SCHEMA:
        raise FixConfiguration(f"{key} is of another schema; this program reads schema {REGISTRY_SCHEMA}.")
    return record
