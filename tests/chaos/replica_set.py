"""A MongoDB of three members behind proxies, of which the primary may be killed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from infra.mongod import mongod_program
from infra.process import Child
from infra.workspace import Workspace
from itrack.settings import Settings
from tests.chaos.services import SMALL_JOURNAL
from tests.chaos.waiting import wait_until
from tests.support.ports import free_ports
from tests.support.proxy import Network, Proxy

__all__ = ["ReplicaSet", "replica_set"]

_MEMBERS = 3


class ReplicaSet:
    """Three members that know each other, and are known to clients, by their proxies only.

    Attributes:
        members: processes, by the port of their proxies.
        proxies: by the same.
        uri: for clients.
    """

    def __init__(self, members: dict[int, Child], proxies: dict[int, Proxy]) -> None:
        self.members = members
        self.proxies = proxies
        hosts = ",".join(f"127.0.0.1:{port}" for port in members)
        self.uri = f"mongodb://{hosts}/?replicaSet=itrack"

    def initiate(self) -> None:
        """Make them one set, that elects a new primary after two seconds without one."""
        hosts = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self.members)]
        config = {"_id": "itrack", "members": hosts, "settings": {"electionTimeoutMillis": 2000}}
        for port in self.members:
            wait_until(lambda port=port: self._answers(port))
        self._ask(next(iter(self.members)), "replSetInitiate", config)

    def primary(self) -> int:
        """Wait until there is one; the port of its proxy."""
        return wait_until(self._primaries)[0]

    def _primaries(self) -> list[int]:
        return [port for port, child in self.members.items() if child.pid is not None and self._is_primary(port)]

    def _answers(self, port: int) -> bool:
        try:
            return bool(self._ask(port, "ping"))
        except PyMongoError:
            return False

    def _is_primary(self, port: int) -> bool:
        try:
            return bool(self._ask(port, "hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    def _ask(self, port: int, command: str, value: object = 1) -> dict[str, object]:
        address = f"mongodb://127.0.0.1:{self.proxies[port].target}/?directConnection=true"
        client: MongoClient[dict[str, object]] = MongoClient(address, serverSelectionTimeoutMS=1000)
        try:
            return client.admin.command(command, value)
        finally:
            client.close()


@contextmanager
def replica_set(settings: Settings, folder: Path) -> Iterator[ReplicaSet]:
    """Three new members, of which one is primary.

    Args:
        settings: of the line.
        folder: for their data and logs.
    """
    with ExitStack() as undo:
        network = undo.enter_context(Network())
        members: dict[int, Child] = {}
        proxies: dict[int, Proxy] = {}
        for number, port in enumerate(free_ports(_MEMBERS)):
            own = settings.model_copy(update={"home": folder / f"member-{number}", "mongodb_port": port})
            workspace = Workspace(own)
            workspace.prepare()
            program = mongod_program(workspace, own)
            proxy = network.proxy(port)
            proxies[proxy.port] = proxy
            members[proxy.port] = Child(
                dataclasses.replace(program, name=f"mongod-{number}", argv=[*program.argv, *SMALL_JOURNAL]), folder
            )
        for child in members.values():
            undo.callback(child.stop)
            child.start()
        whole = ReplicaSet(members, proxies)
        whole.initiate()
        whole.primary()
        yield whole
