"""The `itrack` command: one subcommand per part. Each is a thin door; the part itself is imported when it is opened."""

from __future__ import annotations

import sys

import typer

from itrack.errors import FixConfiguration, TryAgain

__all__ = ["app", "main"]

app = typer.Typer(
    name="itrack",
    help="I-Track: from the fixes of people on foot to live maps, trajectories, data sets and models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def bridge() -> None:
    """Read positions from Traccar and write them to MongoDB."""
    from traccar_bridge.app import run

    run()


@app.command()
def producer() -> None:
    """Follow MongoDB's change stream and publish every new fix to Kafka."""
    from streaming.producer import run

    run()


@app.command()
def analytics() -> None:
    """Turn the fixes on Kafka into staypoints, trips and anomalies with Spark."""
    from streaming.analytics import run

    run()


@app.command("map")
def live_map() -> None:
    """Serve the live map."""
    from live_map.app import run

    run()


def main() -> None:
    """Run the command; an expected error becomes one sentence and exit status 2 (configuration) or 1 (other side)."""
    try:
        app()
    except FixConfiguration as error:
        sys.exit(_say(error, 2))
    except TryAgain as error:
        sys.exit(_say(error, 1))


def _say(error: Exception, status: int) -> int:
    print(f"itrack: {error}", file=sys.stderr)  # noqa: T201 - the command's own voice
    return status
