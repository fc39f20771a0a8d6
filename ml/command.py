"""What `itrack train` does and says."""

from __future__ import annotations

from pathlib import Path

import typer

from itrack.report_file import require_writable, write_report
from ml.source import lay_out
from ml.training import run

__all__ = ["command"]


def command(*, day: str | None, all_days: bool, source: Path | None, json: Path | None) -> None:
    """Train and report, or only lay the source out for SageMaker."""
    if source:
        lay_out(source)
        typer.echo(f"{source} is ready: entry points train.py and inference.py.")
        return
    if json:
        require_writable(json)
    result = run(day=day, all_days=all_days)
    if json:
        write_report(json, result)
    metrics = result.manifest.metrics
    typer.echo(
        f"Learnt from {metrics['windows_learnt']:,} windows of {metrics['users']} phones "
        f"({metrics['fixes']:,} fixes on {len(result.manifest.inputs)} days)."
    )
    held_out = metrics["holdout"]
    if held_out:
        typer.echo(f"On days it had not seen it calls {held_out['flagged_share']:.1%} of the windows unusual.")
    else:
        typer.echo("All windows are of one day, so none could be held out: how good it is was not measured.")
    typer.echo(result.model_uri)
