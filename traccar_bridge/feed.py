"""Traccar's websocket: opening it, and reading frames until it ends, falls silent or the part is to stop.

websocket-client's `run_forever` swallows the errors of its callbacks and waits for ever on a peer that is gone; its
plain connection does neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import websocket

from itrack.loopback import is_loopback
from itrack.settings import Settings
from traccar_bridge.errors import Down, Refused, SocketLost
from traccar_bridge.metrics import LAST_FRAME
from traccar_bridge.rest import Traccar

__all__ = ["frames", "open_socket"]

_TURN_S = 0.5
_NO_PROXY = {"http_proxy_host": "none", "http_no_proxy": ["*"]}
"""Past any proxy of the environment; websocket-client reads the second only when the first names one."""
_REFUSALS = {200, 401, 403, 500, 503}
"""Answers to an upgrade that mean the sign-in, once REST has just accepted it: 200 without one, 500 for a bad token,
503 from a proxy before Traccar."""


def open_socket(settings: Settings, traccar: Traccar) -> websocket.WebSocket:
    """Open the socket; REST must just have worked with the same sign-in.

    Raises:
        Refused: the socket does not accept the sign-in.
        Down: Traccar does not answer.
    """
    query, cookie = traccar.socket_sign_in()
    address = settings.traccar_address.replace("http", "ws", 1) + "/api/socket"
    try:
        socket = websocket.create_connection(
            f"{address}?{query}" if query else address,
            timeout=10,
            cookie=cookie,
            suppress_origin=True,
            **(_NO_PROXY if is_loopback(address) else {}),
            skip_utf8_validation=True,  # the decoder copes, and one bad name must not end the connection
        )
    except websocket.WebSocketBadStatusException as error:
        if error.status_code in _REFUSALS:
            raise Refused(
                f"Traccar's socket at {address} does not accept the sign-in (status {error.status_code})"
            ) from None
        raise Down(f"Traccar's socket at {address} answers with status {error.status_code}") from None
    except (websocket.WebSocketException, OSError) as error:
        raise Down(f"Traccar's socket at {address} does not open: {type(error).__name__}") from None
    socket.settimeout(_TURN_S)
    return socket


def frames(socket: websocket.WebSocket, silence_s: float, should_end: Callable[[], bool]) -> Iterator[bytes]:
    """Each message as it comes; ends soon after `should_end` says so.

    Raises:
        SocketLost: the connection ended, or said nothing for `silence_s` (Traccar says `{}` every 55 s).
    """
    heard_s = time.monotonic()
    while not should_end():
        try:
            opcode, data = socket.recv_data()
        except websocket.WebSocketTimeoutException:
            silent_s = time.monotonic() - heard_s
            if silent_s > silence_s:
                raise SocketLost("silent", f"Traccar's socket has said nothing for {silent_s:.0f} s") from None
            continue
        except (websocket.WebSocketException, OSError) as error:
            raise SocketLost("closed", f"Traccar's socket ended: {type(error).__name__}") from None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise SocketLost("closed", "Traccar has closed the socket")
        heard_s = time.monotonic()
        LAST_FRAME.set_to_current_time()
        yield data
