"""Archives: what is packed can be opened again, and what a stranger packed cannot harm."""

import io
import tarfile
from pathlib import Path

import pytest

from itrack.errors import FixConfiguration
from ml.archive import pack, unpack


def archive_of(path: Path, members: list[tarfile.TarInfo], content: bytes = b"x") -> Path:
    """An archive with these members."""
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            tar.addfile(member, io.BytesIO(content) if member.isfile() else None)
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    """A symbolic link."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_a_model_comes_out_as_it_went_in(tmp_path: Path) -> None:
    """The endpoint's code travels with the model, where SageMaker looks for it."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    pack(model, tmp_path / "model.tar.gz")
    unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert (tmp_path / "out/model.json").read_text() == "{}"
    assert (tmp_path / "out/code/inference.py").exists()
    assert (tmp_path / "out/code/ml/features.py").exists()


@pytest.mark.parametrize(
    "members",
    [
        [tarfile.TarInfo("../evil")],
        [tarfile.TarInfo("a/../../evil")],
        [link("out", "/"), tarfile.TarInfo("out/evil")],
        [link("out", "../.."), tarfile.TarInfo("out/evil")],
    ],
    ids=["parent", "nested parent", "absolute link", "relative link"],
)
def test_nothing_is_written_outside_the_folder(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    """Paths and links that lead out are refused."""
    folder = tmp_path / "deep" / "down"
    with pytest.raises(FixConfiguration, match="cannot be opened"):
        unpack(archive_of(tmp_path / "a.tar.gz", members), folder)
    assert not list(tmp_path.rglob("evil"))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Too much content or too many files are refused before they fill the disk."""
    big = archive_of(tmp_path / "big.tar.gz", [tarfile.TarInfo("zeros")], b"\0" * 100_000)
    many = archive_of(tmp_path / "many.tar.gz", [tarfile.TarInfo(str(n)) for n in range(20)])
    for path in (big, many):
        with pytest.raises(FixConfiguration, match="was not opened"):
            unpack(path, tmp_path / "out", max_files=10, max_bytes=50_000)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00cut"])
def test_what_is_no_archive_gets_a_sentence(tmp_path: Path, content: bytes) -> None:
    """A damaged download is told as such."""
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(FixConfiguration, match="cannot be opened"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_an_old_python_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that knows no safe way to open an archive says which one does."""
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(FixConfiguration, match=r"3\.11\.4"):
        unpack(archive_of(tmp_path / "a.tar.gz", [tarfile.TarInfo("model.json")]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
