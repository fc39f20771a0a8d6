"""What S3 and its client say, named by what has to be done about it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from itrack.errors import FixConfiguration, TryAgain
from itrack.s3 import asking_s3, ensure_bucket, open_s3
from itrack.settings import Settings, load_settings


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[Settings]:
    """An HTTP endpoint that gives these statuses and S3 error codes one after the other, the last for ever."""
    left = list(answers)

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def do_PUT(self) -> None:
            self._answer(has_body=True)

        def _answer(self, *, has_body: bool) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, code = left.pop(0) if len(left) > 1 else left[0]
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode() if has_body else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        yield load_settings(s3_endpoint_url=address, s3_access_key="test", s3_secret_key="test")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [500, 503])
def test_a_hiccup_is_no_configuration(status: int) -> None:
    """One bad moment of S3 must not end a part that runs for months."""
    with answering((status, "")) as settings, pytest.raises(TryAgain):
        ensure_bucket(open_s3(settings), settings)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_configuration(status: int) -> None:
    """Wrong credentials or rights do not mend themselves."""
    with answering((status, "")) as settings, pytest.raises(FixConfiguration, match="ITRACK_S3_BUCKET"):
        ensure_bucket(open_s3(settings), settings)


def test_a_bucket_that_another_starter_made_first_is_there() -> None:
    """Two parts that start at once may both find no bucket."""
    with answering((404, ""), (409, "BucketAlreadyOwnedByYou")) as settings:
        ensure_bucket(open_s3(settings), settings)


def test_a_bucket_of_somebody_else_is_told() -> None:
    """Bucket names are the world's: a taken one needs another name."""
    with answering((404, ""), (409, "BucketAlreadyExists")) as settings, pytest.raises(FixConfiguration, match="else"):
        ensure_bucket(open_s3(settings), settings)


def test_missing_rights_are_told_when_a_file_is_put(tmp_path: Path) -> None:
    """boto3 wraps what S3 says about an upload; it is still a refusal, not an S3 that is away."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with (
        answering((403, "AccessDenied")) as settings,
        pytest.raises(FixConfiguration, match="AccessDenied"),
        asking_s3(settings, "writing a file"),
    ):
        open_s3(settings).upload_file(str(path), settings.s3_bucket, "file")
