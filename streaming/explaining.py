"""`itrack explain`: what became of one fix, and why, judged anew from what MongoDB has."""

from __future__ import annotations

from pathlib import Path

import typer

from itrack.errors import FixConfiguration, SetAside
from itrack.mongo import FIXES, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.report_file import require_writable, write_report
from itrack.settings import Settings, load_settings
from itrack.trajectory.explain import Explanation, explain
from itrack.trajectory.news import findings_of
from itrack.trajectory.point import instant_of
from itrack.trajectory.replay import in_order
from itrack.wire import fix_of_document
from streaming.past import judge_anew
from streaming.plan import ShardPlan

__all__ = ["command", "explain_fix"]


def explain_fix(settings: Settings, fix_id: str) -> Explanation:
    """What became of the fix: its phone's fixes from the day's beginning on are judged as the stream judges them.

    Raises:
        FixConfiguration: MongoDB has no such fix, or it cannot be read.
        TryAgain: MongoDB is away.
    """
    plan = ShardPlan.of(settings)
    database = open_database(settings, part="explain")
    try:
        with asking_mongodb("read a fix and those around it"):
            document = database[FIXES].find_one({"_id": fix_id}, {"attributes_json": 0})
            if document is None:
                raise FixConfiguration(f"There is no fix {fix_id!r} in MongoDB. Identifiers look like main:12345.")
            try:
                fix = fix_of_document(document)
            except SetAside as error:
                raise FixConfiguration(f"The fix {fix_id!r} cannot be read: {error}.") from error
            rules = plan.rules_of(fix.device_id)
            counts_at = instant_of(int(in_order([fix], rules)[0]["at_ms"]))
            anew = judge_anew(database, fix.device_id, rules, since_at=counts_at)
    finally:
        database.client.close()
    findings = findings_of(anew.replayed, plan.speaker(fix.device_id))
    return explain(fix, findings.values(), rules.name)


def command(fix_id: str, json: Path | None) -> None:
    """Print the explanation, and write it for programs when asked to."""
    if json is not None:
        require_writable(json)
    explanation = explain_fix(load_settings(), fix_id)
    typer.echo(
        f"{explanation.fix_id} of {explanation.device_id}, measured {explanation.fixed_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    for sentence in explanation.sentences:
        typer.echo(f"  {sentence}")
    typer.echo(f"  Rules: {explanation.rules}")
    if json is not None:
        write_report(json, explanation)
