"""From an export on the real S3 to a model and back, and what is refused on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from batch_export.export import run as export
from itrack.cli import app
from itrack.dataset import DATASET_SCHEMA
from itrack.errors import FixConfiguration
from itrack.fix import Fix
from itrack.mongo import FIXES, open_database
from itrack.s3 import open_s3
from itrack.settings import Settings
from itrack.wire import fix_document
from ml.inference import input_fn
from ml.model import NAME
from ml.registry import load_current
from ml.training import run as train

pytestmark = pytest.mark.services

MANIFEST = "exports/day=2026-03-02/manifest.json"
TABLE = "exports/day=2026-03-02/fixes.parquet"
QUICK = {"trees": 20, "min-windows": 10}


@pytest.fixture
def exported(settings: Settings, walk: Callable[..., list[Fix]]) -> Settings:
    """Three exported days of one walker."""
    database = open_database(settings, part="tests")
    database[FIXES].insert_many([fix_document(fix) for day in (1, 2, 3) for fix in walk(day, hours=1.5)])
    database.client.close()
    export(settings, all_days=True)
    return settings


def get(settings: Settings, key: str) -> bytes:
    """An object on S3."""
    return open_s3(settings).get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()


def put(settings: Settings, key: str, content: bytes) -> None:
    """Overwrite an object on S3."""
    open_s3(settings).put_object(Bucket=settings.s3_bucket, Key=key, Body=content)


def test_a_model_goes_to_s3_and_scores_after_it_is_loaded(exported: Settings) -> None:
    """Training, registry and loading fit together, and the record says what the model was made from."""
    result = train(exported, all_days=True, hyperparameters=QUICK)
    assert result.model_uri.startswith(f"s3://{exported.s3_bucket}/models/{NAME}/")
    assert [one.manifest_key for one in result.manifest.inputs] == [
        f"exports/day=2026-03-0{day}/manifest.json" for day in (1, 2, 3)
    ]
    assert result.manifest.metrics["fixes"] == 3 * 540
    loaded = load_current(open_s3(exported), exported, NAME)
    assert loaded.manifest == result.manifest

    windows = input_fn(get(exported, TABLE), "application/vnd.apache.parquet")
    assert len(windows) == 18
    assert loaded.model.score(windows).is_unusual.mean() < 0.2


def test_the_newest_model_is_current_and_the_older_one_stays(exported: Settings) -> None:
    """A version is never overwritten, so one can go back."""
    first = train(exported, day="2026-03-01", hyperparameters=QUICK)
    second = train(exported, all_days=True, hyperparameters=QUICK)
    assert load_current(open_s3(exported), exported, NAME).manifest.version == second.manifest.version
    assert get(exported, first.manifest.archive_key)


def test_a_changed_table_is_refused(exported: Settings) -> None:
    """A Parquet file that is not the one its manifest names never reaches training."""
    put(exported, TABLE, get(exported, "exports/day=2026-03-01/fixes.parquet"))
    with pytest.raises(FixConfiguration, match="not the file that its manifest names"):
        train(exported, all_days=True, hyperparameters=QUICK)


def spoiled(**changes: Any) -> Callable[[bytes], bytes]:
    """A manifest with other values."""
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


WRONG_MANIFESTS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda content: content[: len(content) // 2], "is damaged"),
    (lambda _: b"\xff\xfe", "is damaged"),
    (spoiled(schema=DATASET_SCHEMA + 1), "is damaged"),
    (spoiled(files=[]), "names no Parquet file"),
    (spoiled(day="2026-03-09"), "of another day"),
    (spoiled(problems=["fixes has 3 rows in MongoDB but 2 in Parquet."]), "does not add up"),
    (spoiled(zone="Asia/Tokyo"), "different time zones"),
]


def test_a_manifest_that_is_not_right_is_refused(exported: Settings, subtests: pytest.Subtests) -> None:
    """Each way for a manifest to be wrong gets its own sentence, and no model is made."""
    right = get(exported, MANIFEST)
    for spoil, says in WRONG_MANIFESTS:
        with subtests.test(says):
            put(exported, MANIFEST, spoil(right))
            with pytest.raises(FixConfiguration, match=says):
                train(exported, all_days=True, hyperparameters=QUICK)
    assert "Contents" not in open_s3(exported).list_objects_v2(Bucket=exported.s3_bucket, Prefix="models/")


def test_a_day_without_a_manifest_is_not_exported(exported: Settings) -> None:
    """Files alone are no data set: an export that died halfway is told, with the command that mends it."""
    open_s3(exported).delete_object(Bucket=exported.s3_bucket, Key=MANIFEST)
    with pytest.raises(FixConfiguration, match="itrack export --day 2026-03-02"):
        train(exported, day="2026-03-02")


def test_nothing_exported_is_told(settings: Settings) -> None:
    """The first thing a newcomer may try has a helpful answer."""
    with pytest.raises(FixConfiguration, match="itrack export --all-days"):
        train(settings, all_days=True)
    with pytest.raises(FixConfiguration, match="itrack train"):
        load_current(open_s3(settings), settings, NAME)


def test_a_changed_model_is_not_loaded(exported: Settings, subtests: pytest.Subtests) -> None:
    """Whatever in the registry was changed after publication is found before anything is loaded."""
    manifest = train(exported, all_days=True, hyperparameters=QUICK).manifest
    prefix = f"models/{NAME}/"
    for key in (manifest.archive_key, f"{prefix}{manifest.version}/manifest.json", f"{prefix}current.json"):
        with subtests.test(key):
            right = get(exported, key)
            put(exported, key, right[:-20])
            with pytest.raises(FixConfiguration, match=r"was changed|is damaged"):
                load_current(open_s3(exported), exported, NAME)
            put(exported, key, right)
    assert load_current(open_s3(exported), exported, NAME).manifest == manifest


def test_the_command_writes_the_models_address(
    exported: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script finds the model's address in the file, a person in the last line."""
    monkeypatch.setattr("ml.training.load_settings", lambda: exported)
    done = CliRunner().invoke(app, ["train", "--all", "--json", str(tmp_path / "train.json")])
    assert done.exit_code == 0, done.output
    uri = json.loads((tmp_path / "train.json").read_bytes())["model_uri"]
    assert done.output.strip().endswith(uri)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    assert open_s3(exported).head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
