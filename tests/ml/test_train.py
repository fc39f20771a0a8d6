"""The entry points, started as SageMaker starts them, in a process that knows nothing of I-Track."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from itrack.errors import FixConfiguration
from itrack.fix import Fix
from ml import inference
from ml.job import run_job, train_folder
from ml.model import ModelRefused, load
from ml.source import lay_out
from ml.train import main

Walk = Callable[..., list[Fix]]
Write = Callable[[Path, list[Fix]], None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, walk: Walk, write: Write) -> Path:
    """A model trained on four days of two people; not to be changed."""
    opt_ml = tmp_path_factory.mktemp("trained") / "opt-ml"
    for day in range(1, 5):
        write(train_folder(opt_ml) / f"fixes-2026-03-0{day}.parquet", walk(day, 1) + walk(day, 2))
    run_job(opt_ml, {"trees": 50})
    return opt_ml


@pytest.fixture
def model_folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of that model."""
    shutil.copytree(trained, tmp_path / "opt-ml")
    return tmp_path / "opt-ml" / "model"


def test_training_writes_a_model_and_its_figures(model_folder: Path) -> None:
    """The metrics say how much was learnt from and how it does on a day that was held out."""
    metrics = json.loads((model_folder / "metrics.json").read_bytes())
    assert metrics["users"] == 2
    assert metrics["fixes"] == 4 * 2 * 1080
    assert metrics["hyperparameters"]["trees"] == 50
    assert metrics["windows"] - metrics["windows_learnt"] == metrics["holdout"]["windows"] == metrics["windows"] / 4
    assert metrics["holdout"]["faster_auc"] > 0.9
    assert metrics["features"]["speed_median_mps"]["p50"] == pytest.approx(1.3, abs=0.1)
    assert json.loads((model_folder.parent / "output/data/metrics.json").read_bytes()) == metrics


def test_the_model_tells_a_drive_from_a_walk_and_says_why(model_folder: Path, walk: Walk) -> None:
    """The endpoint's four functions answer fixes with judgements that a person can follow."""
    model = inference.model_fn(str(model_folder))
    fixes = walk(9, 1, hours=0.5) + walk(9, 2, hours=0.5, speed_mps=25.0)
    body = json.dumps(
        {
            "fixes": [
                {
                    "device_id": fix.device_id,
                    "fixed_at": fix.fixed_at.isoformat(),
                    "latitude_deg": fix.latitude_deg,
                    "longitude_deg": fix.longitude_deg,
                }
                for fix in fixes
            ]
        }
    )
    windows = inference.input_fn(body, "application/json; charset=utf-8")
    text, kind = inference.output_fn(inference.predict_fn(windows, model), "application/json")
    answers = json.loads(text)["windows"]
    assert kind == "application/json"
    assert len(answers) == 12
    assert all(answer["is_unusual"] == (answer["device_id"] == "main:2") for answer in answers)
    assert answers[0]["window_started_at"] == "2026-03-09T09:00:00Z"
    assert all(answer["reason"].endswith(("_m", "_mps", "_mps2")) for answer in answers if answer["is_unusual"])


def test_parquet_and_json_give_the_same_windows(tmp_path: Path, walk: Walk, write: Write) -> None:
    """Scoring a day's file and scoring its fixes one request at a time agree."""
    fixes = walk(3, hours=1)
    write(tmp_path / "fixes.parquet", fixes)
    body = json.dumps(
        {
            "fixes": [
                {name: str(getattr(fix, name)) for name in ("device_id", "fixed_at", "latitude_deg", "longitude_deg")}
                for fix in fixes
            ]
        }
    )
    one = inference.input_fn((tmp_path / "fixes.parquet").read_bytes(), "application/vnd.apache.parquet")
    other = inference.input_fn(body, "application/json")
    assert len(one) > 0
    assert np.allclose(one.values, other.values)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{}", "application/json"),
        ("[", "application/json"),
        ('{"fixes": [{"device_id": "a"}]}', "application/json"),
        (
            '{"fixes": [{"device_id": "a", "fixed_at": "2026-03-01T00:00:00", "latitude_deg": 1, "longitude_deg": 1}]}',
            "application/json",
        ),
        (b"PAR1 not really", "application/x-parquet"),
        ("a,b", "text/csv"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(body: bytes | str, kind: str) -> None:
    """The caller gets a ValueError that says what was expected, which the endpoint answers as a bad request."""
    with pytest.raises(ValueError, match=r".+"):
        inference.input_fn(body, kind)


def test_an_empty_request_gets_an_empty_answer(model_folder: Path) -> None:
    """No fixes is not an error."""
    windows = inference.input_fn('{"fixes": []}', "application/json")
    assert inference.predict_fn(windows, inference.model_fn(str(model_folder))) == []


def test_too_little_data_is_said_in_a_sentence(tmp_path: Path, walk: Walk, write: Write) -> None:
    """A few minutes of walking make no model: the failure file says so, and so does the error."""
    opt_ml = tmp_path / "opt-ml"
    write(train_folder(opt_ml) / "fixes.parquet", walk(1, hours=0.5))
    with pytest.raises(FixConfiguration, match=r"180 fixes in 1 files make 6 windows .* 30 are needed"):
        run_job(opt_ml, {})
    assert (opt_ml / "output" / "failure").read_text().startswith("TooLittleData")


def trained_here(folder: Path, *flags: str) -> Path:
    """Train within this process on what lies in `folder/in`; returns the model's folder."""
    environment = {
        "SM_CHANNEL_TRAIN": str(folder / "in"),
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_OUTPUT_DATA_DIR": str(folder / "out/data"),
    }
    assert main(["--trees=20", *flags], environment) == 0
    return folder / "model"


def test_one_day_alone_is_not_evaluated(tmp_path: Path, walk: Walk, write: Write) -> None:
    """With nothing to hold out, the metrics claim nothing."""
    write(tmp_path / "in/fixes.parquet", walk(1))
    assert json.loads((trained_here(tmp_path) / "metrics.json").read_bytes())["holdout"] is None


def test_hyperparameters_come_from_the_environment_too(tmp_path: Path, walk: Walk, write: Write) -> None:
    """SageMaker gives them in SM_HPS; a command line flag wins."""
    write(tmp_path / "in/day=2026-03-01/fixes.parquet", walk(1))
    (tmp_path / "in/day=2026-03-01/trips.parquet").write_bytes(b"another table of the same export")
    lay_out(tmp_path / "code")
    environment = {
        "SM_CHANNEL_TRAIN": str(tmp_path / "in"),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DATA_DIR": str(tmp_path / "out/data"),
        "SM_HPS": '{"trees": 20, "seed": 3, "sagemaker_program": "train.py"}',
    }
    subprocess.run([sys.executable, "train.py", "--seed", "5"], cwd=tmp_path / "code", env=environment, check=True)
    used = json.loads((tmp_path / "model/metrics.json").read_bytes())["hyperparameters"]
    assert (used["trees"], used["seed"]) == (20, 5)


def test_the_source_needs_nothing_of_itrack(tmp_path: Path) -> None:
    """What runs inside a SageMaker container imports its own files and what requirements.txt names, and no more."""
    lay_out(tmp_path)
    allowed = {"ml", "numpy", "pyarrow", "sklearn", "skops"} | set(sys.stdlib_module_names)
    for path in tmp_path.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, path
            for name in names:
                if name.startswith("ml."):
                    assert (tmp_path / f"{name.replace('.', '/')}.py").exists()


def test_the_same_data_and_seed_give_the_same_scores(tmp_path: Path, walk: Walk, write: Write) -> None:
    """A model can be made again."""
    scores = []
    for name in ("one", "two"):
        write(tmp_path / name / "in/fixes.parquet", walk(1) + walk(2))
        windows = inference.input_fn((tmp_path / name / "in/fixes.parquet").read_bytes(), inference.PARQUET[0])
        scores.append(load(trained_here(tmp_path / name)).score(windows).unusual_pct)
    assert np.array_equal(*scores)


def test_a_model_of_other_libraries_is_refused(model_folder: Path) -> None:
    """Trees of another scikit-learn may load and answer wrongly: they are not loaded."""
    card = json.loads((model_folder / "model.json").read_bytes())
    card["libraries"]["scikit-learn"] = "1.2.2"
    (model_folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelRefused, match=r"made with scikit-learn 1\.2\.2"):
        load(model_folder)


def test_changed_weights_are_refused(model_folder: Path) -> None:
    """One flipped byte is enough."""
    weights = bytearray((model_folder / "model.skops").read_bytes())
    weights[len(weights) // 2] ^= 1
    (model_folder / "model.skops").write_bytes(weights)
    with pytest.raises(ModelRefused, match="not the file that its card names"):
        load(model_folder)


def test_weights_with_foreign_types_are_refused(model_folder: Path) -> None:
    """A file that wants more than a forest's own types loaded is not opened."""
    skops.io.dump(FunctionTransformer(lay_out), model_folder / "model.skops")
    card = json.loads((model_folder / "model.json").read_bytes())
    card["weights_sha256"] = sha256((model_folder / "model.skops").read_bytes()).hexdigest()
    (model_folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelRefused, match="types that are not trusted"):
        load(model_folder)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1}', '{"schema": 2}'])
def test_a_card_that_is_none_is_refused(model_folder: Path, content: str) -> None:
    """A damaged card gives a sentence, not a KeyError."""
    (model_folder / "model.json").write_text(content)
    with pytest.raises(ModelRefused):
        load(model_folder)
