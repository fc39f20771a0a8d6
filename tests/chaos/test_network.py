"""Named faults: a network that is cut, black or half dead, between each pair."""

from __future__ import annotations

import time
from random import Random

import psutil
import pytest

from tests.chaos.conftest import thorough
from tests.chaos.faults import weather
from tests.chaos.line import Line
from tests.chaos.waiting import wait_for_worker, wait_until_stored, wait_until_told
from tests.support.weather import BOTH_WAYS, Weather

pytestmark = pytest.mark.services

PAIRS = [("bridge", "traccar"), ("bridge", "mongodb"), ("producer", "mongodb"), ("producer", "kafka")]
NAMES = {"traccar": "Traccar", "mongodb": "MongoDB", "kafka": "Kafka"}
RANDOM = Random(2)  # noqa: S311 - what phones send


def test_parts_reach_everything_through_their_proxies_only(line: Line) -> None:
    """No part has a connection past its proxies: what Kafka and MongoDB say of their addresses leads nobody round."""
    line.phones.send(RANDOM, 30, over_s=0.2)
    line.phones.join()
    line.wait_whole()
    for instance in line.instances.values():
        own_port = int(instance.url.rpartition(":")[2])
        connections = psutil.Process(instance.child.pid).net_connections("tcp")
        reached = {each.raddr.port for each in connections if each.raddr and each.laddr.port != own_port}
        assert reached
        assert reached <= {proxy.port for proxy in instance.ways.values()}
        for proxy in instance.ways.values():
            assert min(proxy.passed_bytes.values()) > 1_000


@thorough
@pytest.mark.parametrize(("part", "peer"), PAIRS)
def test_network_black_both_ways(line: Line, part: str, peer: str) -> None:
    """A part whose packets all vanish says so while it lasts, and goes on by itself; old connections stay dead."""
    instance = wait_for_worker(line, part)
    with weather(instance.ways[peer], Weather(swallow=BOTH_WAYS)):
        line.phones.send(RANDOM, 100, over_s=1.0)
        wait_until_told(instance, NAMES[peer])
        line.phones.join()
    line.wait_whole()


@thorough
@pytest.mark.parametrize(("part", "peer"), PAIRS)
def test_answers_that_never_come(line: Line, part: str, peer: str) -> None:
    """Requests arrive and are obeyed, but the answers vanish: what is asked again is not stored twice."""
    with weather(wait_for_worker(line, part).ways[peer], Weather(swallow=frozenset({"down"}))):
        line.phones.send(RANDOM, 100, over_s=1.0)
        line.phones.join()
    line.wait_whole()


@thorough
@pytest.mark.parametrize(("part", "peer"), PAIRS)
def test_some_connections_died_without_a_word(line: Line, part: str, peer: str) -> None:
    """Of several connections to a peer that is well, half are dead: nobody waits for ever on one of them."""
    for _ in range(3):
        with weather(wait_for_worker(line, part).ways[peer], Weather(swallow=BOTH_WAYS, share=0.5)):
            line.phones.send(RANDOM, 60, over_s=1.0)
            line.phones.join()
        line.wait_whole()


@thorough
def test_socket_dead_while_rest_is_well(line: Line) -> None:
    """Traccar's websocket falls silent: fixes come by REST meanwhile, and the socket is given up and opened anew."""
    bridge = wait_for_worker(line, "bridge")
    with weather(bridge.ways["traccar"], Weather(swallow=BOTH_WAYS, only=b"/api/socket")):
        line.phones.send(RANDOM, 100, over_s=0.5)
        line.phones.join()
        wait_until_stored(line)
        wait_until_told(bridge, "socket")
    line.wait_whole()


@pytest.mark.parametrize(("part", "peer"), PAIRS)
def test_cut_and_reset_again_and_again(line: Line, part: str, peer: str) -> None:
    """Connections that are closed and broken every fifth of a second, in the middle of messages, lose nothing."""
    way = wait_for_worker(line, part).ways[peer]
    line.phones.send(RANDOM, 100, over_s=1.0)
    for number in range(6):
        (way.cut if number % 2 else way.reset)()
        time.sleep(0.2)
    line.phones.join()
    line.wait_whole()
