"""The source folder that SageMaker takes: the entry points on top, the package `ml` they import beside them."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

__all__ = ["lay_out", "source_sha256"]

_HERE = Path(__file__).parent
_ENTRY_POINTS = ("train.py", "inference.py")
_MODULES = ("__init__.py", "evaluation.py", "features.py", "fixes.py", "inference.py", "model.py", "train.py")
_REQUIREMENTS = "requirements.txt"


def lay_out(folder: Path) -> None:
    """Write `train.py`, `inference.py`, `requirements.txt` and `ml/` to a folder, made if missing."""
    (folder / "ml").mkdir(parents=True, exist_ok=True)
    for name in (*_ENTRY_POINTS, _REQUIREMENTS):
        shutil.copyfile(_HERE / name, folder / name)
    for name in _MODULES:
        shutil.copyfile(_HERE / name, folder / "ml" / name)


def source_sha256() -> str:
    """One hash over everything that `lay_out` writes."""
    digest = sha256()
    for name in sorted({*_MODULES, _REQUIREMENTS}):
        digest.update(name.encode() + b"\0" + (_HERE / name).read_bytes() + b"\0")
    return digest.hexdigest()
