"""One child process: started with a log file of its own, watched, stopped, and never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from itrack.errors import FixConfiguration, TryAgain

__all__ = ["Child", "Program", "on_a_leash", "require_free_port"]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Program:
    """How to start something and how to tell that it is ready.

    Attributes:
        name: also the name of its log file.
        argv: the command.
        environment: added to this process's own.
        ports: setting name by port; each must be free before the start.
        is_ready: answers whether it serves yet; it is asked again until it does.
        ready_within_s: after which the start counts as failed.
        stop_within_s: after SIGTERM, before SIGKILL.
    """

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, str] = field(default_factory=dict)
    ready_within_s: float = 60.0
    stop_within_s: float = 15.0


class Child:
    """A started `Program`.

    The child leads a session of its own, so that Ctrl-C reaches only the supervisor, which stops its children in
    order; and the kernel ends it when the supervisor is killed (Linux).
    """

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log_file = logs / f"{program.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0

    def start(self) -> None:
        """Start it.

        Raises:
            FixConfiguration: one of its ports is taken.
        """
        for port, setting in self.program.ports.items():
            require_free_port(port, self.program.name, setting)
        self._started_s = time.monotonic()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                list(self.program.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.program.environment},
                start_new_session=True,
                preexec_fn=on_a_leash(),  # noqa: PLW1509 - one system call, nothing that could wait for a thread
            )

    def check_ready(self) -> bool:
        """True once it serves.

        Raises:
            TryAgain: it died, or has been starting for too long; the message ends with the last lines of its log.
        """
        self.require_alive()
        if self.program.is_ready():
            return True
        if time.monotonic() > self._started_s + self.program.ready_within_s:
            raise TryAgain(
                f"{self.program.name} did not get ready within {self.program.ready_within_s:.0f} s. {self._tail()}"
            )
        return False

    def wait_ready(self) -> None:
        """Wait until it serves.

        Raises:
            TryAgain: as `check_ready`.
        """
        while not self.check_ready():
            time.sleep(0.1)

    def require_alive(self) -> None:
        """Check that it runs.

        Raises:
            TryAgain: it has ended by itself; the message ends with the last lines of its log.
        """
        status = self._process.poll() if self._process else None
        if status is not None:
            how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            raise TryAgain(f"{self.program.name} {how}. {self._tail()}")

    @property
    def pid(self) -> int | None:
        """Its process id, None when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def rss_bytes(self) -> int:
        """Resident memory of it and its own children, 0 when it does not run. Shared pages count more than once."""
        if self.pid is None:
            return 0
        total = 0
        try:
            root = psutil.Process(self.pid)
            for process in (root, *root.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            pass  # it ended between two looks
        return total

    def stop(self) -> None:
        """Ask it to stop, and end it and all that it started when it does not."""
        if self._process is None:
            return
        family = self._family()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self.program.stop_within_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for process in family:
            if process.is_running():
                process.kill()

    def _family(self) -> list[psutil.Process]:
        if self.pid is None:
            return []
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _tail(self, lines: int = 5) -> str:
        try:
            text = self.log_file.read_text(errors="replace").strip().splitlines()[-lines:]
        except OSError:
            text = []
        said = "\n  ".join(text) or "(nothing)"
        return f"Its log {self.log_file} ends:\n  {said}"


def on_a_leash() -> Callable[[], None]:
    """What a new child runs first, so that the kernel ends it when the thread that started it ends (Linux)."""
    parent = os.getpid()

    def leash() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return leash


def require_free_port(port: int, name: str, setting: str) -> None:
    """Check that nothing listens on a loopback port.

    Raises:
        FixConfiguration: something does; the message names the setting that moves it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise FixConfiguration(
                f"Port {port}, which {name} needs, is taken ({error.strerror}). Stop what uses it, set {setting} to "
                "another, or set ITRACK_PORT_OFFSET to move all of them."
            ) from error
