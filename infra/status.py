"""What runs, how it is, and where: the answer of `itrack status`."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError

from infra.parts import OPTIONAL_PARTS, PARTS, health
from itrack.mongo import open_database
from itrack.settings import Settings

__all__ = ["mongodb_uri", "status"]


def status(settings: Settings) -> dict[str, Any]:
    """Look at every service and part.

    Returns:
        `services` and `parts` by name, each with `running`, `healthy`, `detail` and its address; `addresses` with
        what a client needs; `healthy` when all that must run does. Passwords are left out.
    """
    services = {
        "mongodb": _service(_mongodb_problem(settings), mongodb_uri(settings)),
        "kafka": _service(_connect_problem(settings.kafka_address.split(",")[0]), settings.kafka_address),
        "s3": _service(_url_problem(settings.s3_address), settings.s3_address or "Amazon S3"),
        "traccar": _service(_url_problem(settings.traccar_address), settings.traccar_address),
    }
    parts = {}
    for part in PARTS:
        parts[part.name] = _part(health(part.url(settings)), part.url(settings))
    for part in OPTIONAL_PARTS:
        parts[part.name] = {**_part(health(part.url(settings)), part.url(settings)), "optional": True}
    return {
        "healthy": all(each["healthy"] for each in (*services.values(), *parts.values()) if not each.get("optional")),
        "services": services,
        "parts": parts,
        "addresses": {
            "mongodb_uri": mongodb_uri(settings),
            "mongodb_database": settings.mongodb_database,
            "kafka_bootstrap": settings.kafka_address,
            "kafka_topics": [settings.fixes_topic, settings.events_topic, settings.dead_letter_topic],
            "s3_endpoint": settings.s3_address,
            "s3_bucket": settings.s3_bucket,
            "traccar_url": settings.traccar_address,
            "osmand_url": settings.osmand_address,
            "map_url": settings.map_address,
            "metrics_urls": {name: f"{part['address']}/metrics" for name, part in parts.items()},
        },
    }


def mongodb_uri(settings: Settings) -> str:
    """MongoDB's address without user, password and options, which may hold secrets, but for the replica set's name."""
    scheme, _, rest = settings.mongodb_address.partition("://")
    place, _, options = rest.rpartition("@")[2].partition("?")
    replica_set = [each for each in options.split("&") if each.startswith("replicaSet=")]
    return f"{scheme}://{place}{'?' if replica_set else ''}{''.join(replica_set)}"


def _service(problem: str | None, address: str) -> dict[str, Any]:
    return {"running": problem is None, "healthy": problem is None, "detail": problem or "answers", "address": address}


def _part(answer: dict[str, object] | None, address: str) -> dict[str, Any]:
    if answer is None:
        return {"running": False, "healthy": False, "detail": "not running", "address": address}
    return {
        "running": True,
        "healthy": bool(answer.get("healthy")),
        "detail": str(answer.get("detail", "")),
        "address": address,
    }


def _mongodb_problem(settings: Settings) -> str | None:
    database = open_database(settings, part="status", timeout_s=2.0)
    try:
        hello = database.client.admin.command("hello")
    except PyMongoError as error:
        return f"no primary answers ({type(error).__name__})"
    finally:
        database.client.close()
    return None if "setName" in hello else "it is not a replica set, so it has no change streams"


def _url_problem(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return _connect_problem(f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}")


def _connect_problem(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2.0):
            return None
    except ValueError:
        return f"{address} is no host:port"
    except OSError as error:
        return f"nothing answers ({error.strerror or error})"
