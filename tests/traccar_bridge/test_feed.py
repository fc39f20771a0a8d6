"""Traccar's socket: a sign-in that it refuses, a server that is down, connections that die with or without a sign."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import pytest

from itrack.settings import Settings, load_settings
from simulator.stand_in.server import StandIn, stand_in_traccar
from tests.support.ports import free_ports
from traccar_bridge.errors import Down, Refused, SocketLost
from traccar_bridge.feed import frames, open_socket
from traccar_bridge.rest import Traccar
from traccar_bridge.sign_in import OneSignIn, Password, SignIns, Token


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with stand_in_traccar(keepalive_s=0.2) as running:
        running.add_device("anna")
        yield running


@pytest.fixture
def towards(stand_in: StandIn) -> Settings:
    return load_settings(traccar_url=stand_in.web_url, traccar_token=stand_in.token)


class NotSignedIn(Traccar):
    """A client whose session has ended since it signed in."""

    def socket_sign_in(self) -> tuple[str, str | None]:
        return "", "JSESSIONID=gone"


def test_an_upgrade_that_is_answered_with_200_is_a_refusal(towards: Settings) -> None:
    """Traccar answers a socket without a sign-in with an empty 200: that is no server that is down."""
    with NotSignedIn(towards, SignIns(towards)) as traccar, pytest.raises(Refused, match="200"):
        open_socket(towards, traccar)


def test_an_upgrade_that_is_answered_with_500_is_a_refusal(towards: Settings) -> None:
    """So it answers a bad token and a disabled user."""
    with Traccar(towards, OneSignIn(Token("bad"))) as traccar, pytest.raises(Refused, match="500"):
        open_socket(towards, traccar)


def test_a_password_opens_the_socket_by_its_cookie(stand_in: StandIn, towards: Settings) -> None:
    """With e-mail and password nothing is in the address of the socket that a proxy might log."""
    sign_in = OneSignIn(Password("admin@example.org", stand_in.password))
    with Traccar(towards, sign_in) as traccar:
        traccar.devices()
        query, cookie = traccar.socket_sign_in()
        assert (query, str(cookie).partition("=")[0]) == ("", "JSESSIONID")
        open_socket(towards, traccar).close()


def test_a_server_that_does_not_answer_is_down() -> None:
    """Nobody has to correct a sign-in when the server is not there."""
    (port,) = free_ports(1)
    nowhere = load_settings(traccar_url=f"http://127.0.0.1:{port}", traccar_token="any")
    with Traccar(nowhere, SignIns(nowhere)) as traccar:
        with pytest.raises(Down):
            open_socket(nowhere, traccar)
        with pytest.raises(Down):
            traccar.devices()


def test_an_end_without_a_sign_is_found(stand_in: StandIn, towards: Settings) -> None:
    """A socket that stays open and says nothing is given up; one that speaks only now and then is not."""
    with Traccar(towards, SignIns(towards)) as traccar:
        socket = open_socket(towards, traccar)
        assert len(list(islice(frames(socket, 1.0, lambda: False), 8))) == 8
        stand_in.go_silent()
        began_s = time.monotonic()
        with pytest.raises(SocketLost) as lost:
            list(frames(socket, 1.0, lambda: False))
        assert lost.value.reason == "silent"
        assert time.monotonic() - began_s > 0.9
        socket.close()


def test_an_end_with_a_sign_is_found_at_once(stand_in: StandIn, towards: Settings) -> None:
    """A connection that breaks, and a server that goes away, end the frames."""
    for end in (stand_in.cut_sockets, stand_in.stop):
        with Traccar(towards, SignIns(towards)) as traccar:
            socket = open_socket(towards, traccar)
            end()
            with pytest.raises(SocketLost) as lost:
                list(frames(socket, 60.0, lambda: False))
            assert lost.value.reason == "closed"


def test_the_feed_ends_when_it_should(towards: Settings) -> None:
    """A bridge that is to stop does not wait for the next frame."""
    with Traccar(towards, SignIns(towards)) as traccar:
        socket = open_socket(towards, traccar)
        assert list(frames(socket, 60.0, lambda: True)) == []
        socket.close()
