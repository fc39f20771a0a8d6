"""The `itrack` command: one subcommand per part. Each is a thin door; the part itself is imported when it is opened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

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


@app.callback()
def everywhere(
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set one setting for this run, such as map_port=8080."),
    ] = None,
) -> None:
    """Take settings from flags; all others come from the environment and `.env` (docs/configuration.md)."""
    from itrack.settings import apply_flags

    apply_flags(settings or [])


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


@app.command()
def habits() -> None:
    """Judge people by their own habits, and count crowds and flows."""
    from habits.app import run

    run()


@app.command("map")
def live_map() -> None:
    """Serve the live map."""
    from live_map.app import run

    run()


@app.command()
def export(
    day: Annotated[str | None, typer.Option(help="The day to export, YYYY-MM-DD.")] = None,
    all_days: Annotated[bool, typer.Option("--all-days", help="Export every day that has fixes.")] = False,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Stay, and export each day once it is over (ITRACK_EXPORT_DELAY_S).")
    ] = False,
    zone: Annotated[
        str | None, typer.Option(help="IANA time zone that days are cut in. Default: ITRACK_EXPORT_ZONE.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write what was exported, with all counts, to this file.")] = None,
) -> None:
    """Write a day's fixes, stops, trips, gaps and anomalies to S3: a workbook, Parquet files and a manifest."""
    from batch_export.command import command

    command(day=day, all_days=all_days, schedule=schedule, zone=zone, json=json)


@app.command()
def explain(
    fix_id: Annotated[str, typer.Argument(help="The fix, such as main:12345.")],
    json: Annotated[Path | None, typer.Option(help="Write the explanation to this file, too.")] = None,
) -> None:
    """Tell why a fix is used or set aside, and what it is a part of."""
    from streaming.explaining import command

    command(fix_id, json)


@app.command("replay-day")
def replay_day(
    device: Annotated[str, typer.Argument(help="The phone, such as main:7.")],
    day: Annotated[str, typer.Argument(help="The day, YYYY-MM-DD.")],
    zone: Annotated[
        str | None, typer.Option(help="IANA time zone that the day is cut in. Default: ITRACK_EXPORT_ZONE.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Have the analytics judge this phone anew from that day on.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write the day and what differs to this file.")] = None,
) -> None:
    """Judge one phone's day anew from MongoDB, and compare it with what the stream has stored."""
    from streaming.replaying import command

    command(device, day, zone, repair=repair, json=json)


@app.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change, and write nothing.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the counts to this file.")] = None,
) -> None:
    """Judge every phone's whole past anew from MongoDB with Spark, for the analytics to go on from."""
    from streaming.rebuild import command

    command(is_dry=dry_run, json=json)


@app.command()
def retention(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing: count what would be deleted.")] = False
) -> None:
    """Delete once what MongoDB has had for ITRACK_RETENTION_DAYS, if it is published and exported. Run it daily."""
    from retention.command import command

    command(is_trial=dry_run)


@app.command()
def train(
    day: Annotated[str | None, typer.Option(help="Train on this exported day only, YYYY-MM-DD.")] = None,
    all_days: Annotated[bool, typer.Option("--all", help="Train on every exported day.")] = False,
    source: Annotated[
        Path | None, typer.Option(help="Train nothing: write the source folder that SageMaker takes to this folder.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the model's address and metrics to this file.")] = None,
) -> None:
    """Train the model of unusual movement on exported days and put it on S3."""
    from ml.command import command

    command(day=day, all_days=all_days, source=source, json=json)


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Send the tracks once, check that every count agrees, and stop everything.")
    ] = False,
    tracks: Annotated[
        list[Path] | None,
        typer.Option(help="Recorded tracks to send (.gpx, .geojson, .csv, each also .gz). Default: simulated people."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Reports sent per second.")] = 100.0,
    json: Annotated[Path | None, typer.Option(help="With --once: write the counts to this file.")] = None,
) -> None:
    """Start the local stack and every part, let people walk, and show the live map, until Ctrl-C."""
    from infra.demo import run_demo, run_once
    from itrack.settings import load_settings

    if once:
        run_once(load_settings(), tracks or [], rate, json)
    elif json is not None:
        raise typer.BadParameter("--json goes with --once")
    else:
        run_demo(load_settings(), tracks or [], rate)


@app.command()
def stack() -> None:
    """Run MongoDB, Kafka and S3 on this machine until Ctrl-C."""
    from infra.console import run_stack
    from itrack.settings import load_settings

    run_stack(load_settings())


@app.command()
def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print it for programs, with every address.")] = False
) -> None:
    """Tell what runs, how it is and where; exit status 1 when something that must run is not well."""
    from infra.console import show_status
    from itrack.settings import load_settings

    if not show_status(load_settings(), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look at everything I-Track needs here and say what is wrong and what to do."""
    from infra.console import show_doctor
    from itrack.settings import load_settings

    show_doctor(load_settings())


dead_letters = typer.Typer(help="What could not be used: count it, and use what can be used now.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")


@dead_letters.command("list")
def list_dead_letters() -> None:
    """Count what was set aside in MongoDB and on Kafka, by reason."""
    from infra.dead_letters import list_dead_letters
    from itrack.settings import load_settings

    list_dead_letters(load_settings())


@dead_letters.command("replay")
def replay_dead_letters(
    reason: Annotated[str | None, typer.Option(help="Only those with this reason. Default: all.")] = None,
) -> None:
    """Store and publish, once, everything set aside that can be read now; the rest stays with its reason."""
    from infra.dead_letters import replay_all
    from itrack.settings import load_settings

    replay_all(load_settings(), reason)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recorded tracks: .gpx, .geojson or .csv; each may end in .gz.")],
    *,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Recorded seconds per second: 1 is as it was, 60 a minute a second.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Reports per second over all phones. Neither: as fast as it goes.")
    ] = None,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move each track in time, so that its last point is sent as it is.")
    ] = False,
    device_prefix: Annotated[str, typer.Option(help="Begins the unique id of every phone.")] = "",
    form: Annotated[str, typer.Option(help="How reports are worded: query (old phones) or json (new ones).")] = "query",
    register: Annotated[
        bool, typer.Option("--register/--no-register", help="Create phones that Traccar does not know.")
    ] = True,
) -> None:
    """Send recorded tracks to Traccar as if phones were walking them now. See docs/simulator.md."""
    from itrack.settings import load_settings
    from simulator.console import replay_command
    from simulator.osmand_forms import Form
    from simulator.replay import Pace

    if speed is not None and rate is not None:
        raise typer.BadParameter("--speed and --rate are two ways to set the pace: give one of them")
    if form not in list(Form):
        raise typer.BadParameter(f"--form is {' or '.join(Form)}")
    everything_taken = replay_command(
        files,
        load_settings(),
        pace=Pace(speed=speed, rate=rate),
        shift_to_now=shift_to_now,
        device_prefix=device_prefix,
        form=Form(form),
        register=register,
    )
    if not everything_taken:
        raise typer.Exit(1)


@app.command()
def simulate(
    *,
    people: Annotated[int, typer.Option(min=1, help="How many people walk.")] = 10,
    hours: Annotated[float, typer.Option(min=0.5, help="How long each is out, by their own clock.")] = 2.0,
    speed: Annotated[
        float,
        typer.Option(min=0.1, help="Their hours per hour of ours. Above 1 the outing lies in the past, as a whole."),
    ] = 60.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people and ways.")] = 1,
    device_prefix: Annotated[str, typer.Option(help="Begins the unique id of every phone.")] = "walker-",
    centre: Annotated[str, typer.Option(help="Where they walk: latitude,longitude.")] = "47.3769,8.5417",
    form: Annotated[str, typer.Option(help="How reports are worded: query (old phones) or json (new ones).")] = "json",
    register: Annotated[
        bool, typer.Option("--register/--no-register", help="Create phones that Traccar does not know.")
    ] = True,
    truth: Annotated[
        Path | None, typer.Option(help="Write the true stops, trips and gaps of everybody to this JSON file.")
    ] = None,
) -> None:
    """Let made-up people walk about; their phones report to Traccar. See docs/simulator.md."""
    from itrack.settings import load_settings
    from simulator.console import place_of, simulate_command
    from simulator.osmand_forms import Form

    if form not in list(Form):
        raise typer.BadParameter(f"--form is {' or '.join(Form)}")
    everything_taken = simulate_command(
        load_settings(),
        people=people,
        hours=hours,
        speed=speed,
        seed=seed,
        device_prefix=device_prefix,
        centre=place_of(centre),
        form=Form(form),
        register=register,
        truth_file=truth,
    )
    if not everything_taken:
        raise typer.Exit(1)


@app.command("stand-in")
def stand_in(
    register_unknown: Annotated[
        bool, typer.Option(help="Make a device for an unknown phone on its first report, instead of refusing it.")
    ] = False,
) -> None:
    """Serve the stand-in Traccar: a test double for trials without a real one. See docs/simulator.md."""
    from simulator.stand_in.app import run

    run(register_unknown=register_unknown)


@app.command()
def watch(
    prometheus_config: Annotated[
        bool,
        typer.Option("--prometheus-config", help="Watch nothing: print the Prometheus configuration for the settings."),
    ] = False,
) -> None:
    """Serve the metrics of MongoDB, Kafka, S3 and this machine to Prometheus."""
    if prometheus_config:
        from monitoring.scrape import print_prometheus_config

        print_prometheus_config()
        return
    from monitoring.exporter import run

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
