"""Tokens: what they say of themselves, and that a bridge with nothing else goes on signing in."""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr

from itrack.settings import Settings, load_settings
from simulator.stand_in.server import StandIn, stand_in_traccar
from traccar_bridge.errors import Down, Refused
from traccar_bridge.renewal import Renewal
from traccar_bridge.rest import Traccar
from traccar_bridge.sign_in import SignIns, Token
from traccar_bridge.token_life import expiry_of, is_due, is_token

Line = Any
WaitUntil = Callable[..., None]
END = datetime(2026, 11, 29, 12, 32, 17, 147_000, tzinfo=UTC)


def token_like(end: object, signature_length: int = 71) -> str:
    """A token as Traccar's `TokenManager` makes one, but for the signature."""
    body = json.dumps({"i": 8_414_219_230_957_203_122, "u": 1, "e": end}, separators=(",", ":")).encode()
    signed = bytes([signature_length]) + b"\x30" * signature_length + body
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


@pytest.mark.parametrize("length", [70, 71, 72])
def test_a_token_tells_its_end(length: int) -> None:
    """Signatures differ in length, and so does the padding that Traccar leaves out."""
    assert expiry_of(token_like("2026-11-29T12:32:17.147+00:00", length)) == END
    assert expiry_of(token_like("2026-11-29T13:32:17.147+01:00", length)) == END
    assert expiry_of(token_like(round(END.timestamp() * 1000), length)) == END


other_texts = (
    st.text()
    | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    | st.builds(token_like, st.none() | st.text() | st.integers() | st.floats(allow_nan=False))
)


@given(other_texts)
def test_any_other_text_has_no_known_end(text: str) -> None:
    """Whatever the token is, nothing fails; at most its end is not known."""
    assert expiry_of(text) is None or isinstance(expiry_of(text), datetime)


def test_a_token_is_renewed_well_before_its_end() -> None:
    """In the last third of a new one's life, so at once when it lasts no longer; never when that is switched off."""
    life = timedelta(days=90)
    assert not is_due(END, END - timedelta(days=31), life)
    assert is_due(END, END - timedelta(days=29), life)
    assert is_due(END, END + timedelta(days=1), life)
    assert not is_due(END, END - timedelta(seconds=1), timedelta())
    assert not is_due(None, END, life)


def test_a_page_is_no_token() -> None:
    """A proxy's answer is not kept as a token."""
    assert is_token(token_like("2026-11-29T12:32:17.147+00:00"))
    assert not is_token("<html><body>Maintenance</body></html>")
    assert not is_token("")


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with stand_in_traccar() as running:
        yield running


def lasting(stand_in: StandIn, life: timedelta) -> str:
    """A token of the stand-in's administrator that lasts so long."""
    data = {"expiration": (datetime.now(UTC) + life).isoformat(timespec="milliseconds")}
    sign_in = {"Authorization": f"Bearer {stand_in.token}"}
    token: str = httpx2.post(f"{stand_in.web_url}/api/session/token", data=data, headers=sign_in).text
    return token


def with_token(stand_in: StandIn, home: Path, token: str, **more: object) -> Settings:
    return load_settings(traccar_url=stand_in.web_url, traccar_token=token, home=home, **more)


def token_of(sign_ins: SignIns) -> str:
    current = sign_ins.current()
    assert isinstance(current, Token)
    return current.value


def test_a_renewed_token_is_kept_and_used(stand_in: StandIn, tmp_path: Path) -> None:
    """It lasts as long as was asked for, is readable by its owner only, and is found again after a restart."""
    first = lasting(stand_in, timedelta(days=7))
    settings = with_token(stand_in, tmp_path, first)
    sign_ins = SignIns(settings)
    Renewal(settings, sign_ins).renew_if_due(datetime.now(UTC))
    renewed = token_of(sign_ins)
    assert renewed != first
    end = expiry_of(renewed)
    assert end is not None
    assert abs(end - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    assert REGISTRY.get_sample_value("itrack_bridge_token_expires_timestamp_seconds") == end.timestamp()
    file = tmp_path / "bridge" / "token-main"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first not in file.read_text()
    again = SignIns(settings)
    assert token_of(again) == renewed
    Renewal(settings, again).renew_if_due(datetime.now(UTC))
    assert token_of(again) == renewed
    with Traccar(settings, again) as traccar:
        traccar.devices()


def test_a_newly_configured_token_wins(stand_in: StandIn, tmp_path: Path) -> None:
    """Somebody who configures another token, such as another user's, gets that one."""
    settings = with_token(stand_in, tmp_path, lasting(stand_in, timedelta(days=7)))
    Renewal(settings, SignIns(settings)).renew_if_due(datetime.now(UTC))
    other = lasting(stand_in, timedelta(days=200))
    assert token_of(SignIns(with_token(stand_in, tmp_path, other))) == other


@pytest.mark.parametrize("kept", ["no longer good", "garbage"])
def test_the_configured_token_is_what_is_left(stand_in: StandIn, tmp_path: Path, kept: str) -> None:
    """When Traccar refuses the kept token, or its file is damaged, the bridge signs in with the configured one."""
    configured = lasting(stand_in, timedelta(days=200))
    settings = with_token(stand_in, tmp_path, configured)
    SignIns(settings).keep(Token(token_like("2026-11-29T12:32:17.147+00:00")))
    if kept == "garbage":
        (tmp_path / "bridge" / "token-main").write_bytes(b"\xff{")
    sign_ins = SignIns(settings)
    with Traccar(settings, sign_ins) as traccar:
        traccar.devices()
    assert token_of(sign_ins) == configured


def test_a_token_that_is_refused_is_told(stand_in: StandIn, tmp_path: Path) -> None:
    """With no other to try, the refusal reaches the caller, and a kept one that is refused is not tried for ever."""
    settings = with_token(stand_in, tmp_path, "wrong")
    sign_ins = SignIns(settings)
    sign_ins.keep(Token("wrong too"))
    with Traccar(settings, sign_ins) as traccar:
        for _ in range(2):
            with pytest.raises(Refused):
                traccar.devices()


@pytest.mark.parametrize("answer", ["shorter", "not accepted", "page"])
def test_a_token_that_is_no_better_is_not_kept(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """A server that limits tokens, a token that does not work, a proxy's page: the bridge keeps what it has."""
    first = lasting(stand_in, timedelta(days=7))
    settings = with_token(stand_in, tmp_path, first)
    sign_ins = SignIns(settings)
    if answer == "page":
        stand_in.faults.rest_status = 200
        with pytest.raises(Down, match="no token"):
            Renewal(settings, sign_ins).renew_if_due(datetime.now(UTC))
    else:
        new = {"shorter": lasting(stand_in, timedelta(days=6)), "not accepted": token_like("2099-01-01T00:00:00Z")}
        monkeypatch.setattr(Traccar, "new_token", lambda *_args: new[answer])
        if answer == "shorter":
            Renewal(settings, sign_ins).renew_if_due(datetime.now(UTC))
        else:
            with pytest.raises(Refused):
                Renewal(settings, sign_ins).renew_if_due(datetime.now(UTC))
    assert token_of(sign_ins) == first
    assert not (tmp_path / "bridge").exists()


@pytest.mark.services
def test_a_bridge_outlives_its_token(line: Line, wait_until: WaitUntil) -> None:
    """Renewed in time, it reconnects after the first token's end; no token is in logs, process lists or MongoDB."""
    first = lasting(line.traccar, timedelta(seconds=15))
    child = line.start_bridge(traccar_token=SecretStr(first), log_level="debug")
    file = line.home / "bridge" / "token-main"
    wait_until(file.exists)
    renewed = json.loads(file.read_text())["token"]
    end = expiry_of(first)
    assert end is not None
    wait_until(lambda: datetime.now(UTC) > end + timedelta(seconds=1), within_s=30)
    line.traccar.cut_sockets()
    wait_until(lambda: line.metric('itrack_bridge_reconnects_total{reason="closed"}') >= 1)
    now_s = int(time.time())
    line.send("anna", now_s)
    line.send("anna", now_s - 60)
    line.wait_complete(2)
    wait_until(lambda: line.metric("itrack_bridge_connected") == 1)
    assert line.metric("itrack_bridge_token_expires_timestamp_seconds") > end.timestamp()
    shown = " ".join(psutil.Process(child.pid).cmdline())
    child.stop()
    kept = [str(each) for name in line.database.list_collection_names() for each in line.database[name].find()]
    for secret in (first, renewed):
        assert secret[-20:] not in shown + child.log_file.read_text() + "".join(kept)
