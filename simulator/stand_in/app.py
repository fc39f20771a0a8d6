"""`itrack stand-in`: the stand-in Traccar as a program of its own, with an administrator whose token others find."""

from __future__ import annotations

import secrets

from prometheus_client import Counter, Gauge

from itrack.part import Part
from itrack.secret_file import write_secret
from itrack.settings import Settings, load_settings
from simulator.stand_in.server import StandIn
from simulator.stand_in.traccar import Options

__all__ = ["run"]

_SOCKETS = Gauge("itrack_stand_in_sockets", "Websockets open on the stand-in Traccar.")
_REPORTS = Counter("itrack_stand_in_reports_total", "OsmAnd reports the stand-in Traccar answered with 200.")


def run(settings: Settings | None = None, *, register_unknown: bool = False) -> None:
    """Serve until SIGTERM.

    The administrator's token is written to `settings.stand_in_token_file`, readable by its owner only. The database
    lives in the home folder, so devices and positions survive a restart.

    Args:
        settings: ports, home folder and buffering; read from the environment when absent.
        register_unknown: make a device for an unknown id on its first report.

    Raises:
        FixConfiguration: a port is taken.
    """
    settings = settings or load_settings()
    with Part("stand_in", settings, settings.stand_in_metrics_port) as part:
        stand_in = StandIn(
            settings.home / "traccar",
            Options(buffering_s=settings.traccar_buffering_s, register_unknown=register_unknown),
            web_port=settings.traccar_port,
            osmand_port=settings.osmand_port,
            email=settings.traccar_email or "admin@example.org",
            password=settings.traccar_password.get_secret_value()
            if settings.traccar_password
            else secrets.token_urlsafe(16),
        )
        stand_in.start()
        try:
            write_secret(settings.stand_in_token_file, stand_in.token)
            part.log.info("listening", web=stand_in.web_url, osmand=stand_in.osmand_url)
            part.healthy(f"a test double, listening on {stand_in.web_url} and {stand_in.osmand_url}")
            counted = 0
            while not part.stopping.wait(1.0):
                received = stand_in.received
                _REPORTS.inc(received - counted)
                counted = received
                _SOCKETS.set(stand_in.open_sockets)
        finally:
            stand_in.stop()
