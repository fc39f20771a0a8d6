"""The stand-in must not be the slow part of a benchmark."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any


def test_takes_a_thousand_positions_a_second_while_a_socket_listens(client: Any) -> None:
    """Stored, pushed and read again; counted in processor time, since neighbours must not decide this test."""
    count = 3000
    client.register("p")
    listener = client.socket(timeout=20)
    client.frame(listener)
    requests = b"".join(
        b"GET /?id=p&lat=47.1&lon=8.%04d&timestamp=%d HTTP/1.1\r\nhost: x\r\n\r\n" % (number, 1_700_000_000 + number)
        for number in range(count)
    )
    began = time.process_time()
    with socket.create_connection(("127.0.0.1", client.traccar.osmand_port)) as phone:
        threading.Thread(target=phone.sendall, args=(requests,), daemon=True).start()
        last = 0
        while last < count:
            last = client.frames_until(listener, "positions")["positions"][0]["id"]
        seconds = time.process_time() - began
    assert len(client.stored(count)) == count
    assert count / seconds > 1000
