"""Every setting of every part, in one typed object.

A setting comes from the environment (`ITRACK_` and its name in capitals), from a file `.env` in the working
directory, or from its default. `docs/configuration.md` lists them all; a test keeps the list complete.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from itrack.errors import FixConfiguration

__all__ = ["Settings", "apply_flags", "load_settings"]


class Settings(BaseSettings):
    """All settings. Secrets are `SecretStr`: they print as stars and never enter a log."""

    model_config = SettingsConfigDict(
        env_prefix="ITRACK_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # The local stack
    home: Path = Field(
        Path(".itrack"), description="Folder of the local stack (data, logs, jars) and of what a bridge keeps."
    )
    port_offset: int = Field(
        0, ge=-20000, le=40000, description="Added to every default port, to run a second stack beside the first."
    )
    java_home: Path | None = Field(
        None, description="A JDK 17 or newer. Unset: JAVA_HOME, then PATH, then one fetched into the home folder."
    )

    # Traccar
    traccar_url: str | None = Field(
        None, description="Base address of the Traccar server. Unset: the stand-in Traccar of the local stack."
    )
    traccar_name: str = Field(
        "main",
        pattern=r"^[a-z0-9-]{1,32}$",
        description="Short name of that server; it begins every fix and device identifier, so never change it.",
    )
    traccar_token: SecretStr | None = Field(None, description="Access token for Traccar; or e-mail and password.")
    traccar_token_days: float = Field(
        90.0,
        ge=0,
        description="When the token ends within a third of so many days, the bridge has Traccar make one that lasts so "
        "long, and keeps it in the home folder; 0 never does.",
    )
    traccar_email: str | None = Field(None, description="E-mail of the Traccar user to sign in as.")
    traccar_password: SecretStr | None = Field(None, description="Password of that user.")
    osmand_url: str | None = Field(
        None, description="Where simulated phones report (OsmAnd protocol). Unset: the stand-in's OsmAnd port."
    )
    traccar_port: int = Field(21082, description="Web port of the stand-in Traccar.")
    osmand_port: int = Field(21055, description="OsmAnd port of the stand-in Traccar.")
    traccar_buffering_s: float = Field(
        0.0, ge=0, description="How long the stand-in holds each position back, as Traccar does by default (3 s)."
    )

    # MongoDB
    mongodb_uri: SecretStr | None = Field(
        None, description="Address of a MongoDB replica set. Unset: the local stack's. May hold a password."
    )
    mongodb_database: str = Field("itrack", description="Database that holds every collection.")
    mongodb_port: int = Field(21017, description="Port of the local mongod.")
    mongodb_cache_gib: float = Field(0.25, ge=0.25, description="Cache of the local mongod in GiB.")

    retention_days: int | None = Field(
        None,
        ge=1,
        description="`itrack retention` deletes what has been in MongoDB for so many days. Unset: nothing is deleted.",
    )

    # Kafka
    kafka_bootstrap: str | None = Field(
        None, description="Bootstrap servers of Kafka, comma separated. Unset: the local stack's broker."
    )
    kafka_port: int = Field(21092, description="Port of the local broker.")
    kafka_controller_port: int = Field(21093, description="Port of the local broker's own controller.")
    kafka_partitions: int = Field(4, ge=1, description="Partitions of each topic when I-Track creates it.")
    kafka_replication: int = Field(1, ge=1, description="Copies of each partition when I-Track creates a topic.")
    kafka_retention_hours: int = Field(168, ge=1, description="How long Kafka keeps fixes and events.")
    fixes_topic: str = Field("itrack.fixes", description="Kafka topic of fixes.")
    events_topic: str = Field("itrack.events", description="Kafka topic of events.")
    dead_letter_topic: str = Field("itrack.dead-letter", description="Kafka topic of what could not be used.")

    # S3
    s3_endpoint_url: str | None = Field(
        None, description="S3 endpoint. Unset: the local stack's. `aws` means Amazon's own."
    )
    s3_bucket: str = Field("itrack-data", description="Bucket of exports and models.")
    s3_region: str = Field("eu-central-1", description="Region the bucket is in.")
    s3_access_key: str | None = Field(None, description="Access key. Unset: the local stack's, or boto3's own search.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret of that key.")
    s3_port: int = Field(21090, description="Port of the local S3 endpoint.")

    # The parts
    bridge_reconcile_s: float = Field(
        60.0, gt=0, description="How often the bridge asks Traccar for positions its socket never showed."
    )
    bridge_doubt_s: float = Field(
        5.0,
        gt=0,
        description="How long after a phone's report the bridge waits for its position before it asks for it. "
        "Longer than Traccar holds positions back (3 s unless configured otherwise).",
    )
    bridge_shards: int = Field(
        1,
        ge=1,
        le=64,
        description="Among how many bridges the devices of one Traccar server are split. Start one more than that: it "
        "stands by.",
    )
    bridge_silence_s: float = Field(
        120.0, gt=0, description="With no frame for so long the bridge takes the socket for dead and reconnects."
    )
    bridge_spool_mib: int = Field(
        256,
        ge=0,
        description="Room on disk, under the home folder, for fixes that came while MongoDB was away; 0 for none.",
    )
    producer_slots: int = Field(
        1,
        ge=1,
        le=64,
        description="Into how many slots the producers split devices; more producers than slots stand by. "
        "The same for all of them.",
    )
    stop_radius_m: float = Field(60.0, gt=0, description="A person who stays within this radius …")
    stop_dwell_s: float = Field(120.0, gt=0, description="… for at least this long has stopped.")
    rules_file: Path | None = Field(
        None,
        description="JSON file with further rules of movement, for everyone and for single phones. "
        "See docs/start-admin.md.",
    )
    analytics_shards: int = Field(
        4, ge=1, description="State shards of the analytics; fixed for the life of a checkpoint."
    )
    analytics_trigger_ms: int = Field(0, ge=0, description="Least time between two micro-batches.")
    analytics_max_fixes_per_batch: int = Field(50_000, ge=100, description="Cap of one micro-batch in a backlog.")
    density_window_s: int = Field(300, ge=10, description="Length of a counting window.")
    density_resolution: int = Field(9, ge=0, le=15, description="H3 resolution of the counting cells.")
    people_least: int = Field(
        5, ge=2, description="Crowds and flows of fewer people are told to nobody. A cell is told from so many on."
    )
    crowd_delay_s: float = Field(
        900.0, ge=0, description="How long after a counting window's end people are counted: stops are known by then."
    )
    habits_zone: str = Field("UTC", description="IANA time zone that people's days and hours of habit are in.")
    habits_window: int = Field(100, ge=20, description="Robust statistics look at so many of a person's newest values.")
    habits_refresh_fixes: int = Field(
        1000, ge=1, description="A person's habits are learnt anew each day, and after so many fixes within it."
    )
    habits_sensitivity: float = Field(
        0.1, gt=0, le=0.5, description="The larger, the more is unusual: the share of trips taken for rare."
    )
    habits_step_length_m: float = Field(0.7, gt=0, description="Length of a step, to estimate steps from distance.")
    spark_master: str = Field("local[2]", description="Where Spark runs the analytics.")
    spark_driver_memory_mib: int = Field(768, ge=512, description="Heap of Spark's driver in MiB.")
    export_zone: str = Field("UTC", description="IANA time zone that the days of the export are cut in.")
    export_delay_s: float = Field(
        3600.0, ge=0, description="How long after a day's end the scheduled export writes it."
    )
    map_host: str = Field("127.0.0.1", description="Address the live map listens on.")
    map_port: int = Field(21080, description="Port of the live map.")
    map_allow_remote: bool = Field(
        False, description="Let the map listen beyond this machine. It has no sign-in: put one in front of it first."
    )
    map_tiles_url: str | None = Field(
        None, description="Address template of map tiles, such as your own tile server's. Unset: a plain background."
    )
    map_tiles_attribution: str = Field(
        "Map tiles", min_length=1, description="Whom the tiles are owed to, shown in the corner of the map."
    )
    map_trusted_hosts: str = Field(
        "",
        description="Further host names that browsers call the map by, comma separated, such as the name of the proxy "
        "before it.",
    )

    # Watching
    bridge_metrics_port: int = Field(21101, description="Port of the bridge's metrics and health.")
    producer_metrics_port: int = Field(21102, description="Port of the producer's metrics and health.")
    analytics_metrics_port: int = Field(21103, description="Port of the analytics' metrics and health.")
    export_metrics_port: int = Field(21104, description="Port of the metrics of the scheduled export.")
    stand_in_metrics_port: int = Field(21106, description="Port of the metrics and health of the stand-in Traccar.")
    watch_metrics_port: int = Field(21105, description="Port of the metrics of MongoDB, Kafka, S3 and the host.")
    habits_metrics_port: int = Field(21107, description="Port of the metrics and health of the judge of habits.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")

    @model_validator(mode="before")
    @classmethod
    def _offset_default_ports(cls, values: dict[str, object]) -> dict[str, object]:
        offset = int(str(values.get("port_offset") or 0))
        for name, field in cls.model_fields.items():
            if offset and name.endswith("_port") and name not in values:
                values[name] = field.default + offset
        return values

    @field_validator("home", mode="after")
    @classmethod
    def _expand_home(cls, home: Path) -> Path:
        return home.expanduser()

    @model_validator(mode="after")
    def _ports_are_ports(self) -> Self:
        for name in type(self).model_fields:
            if name.endswith("_port") and not 1 <= getattr(self, name) <= 65535:
                msg = f"ITRACK_{name.upper()} is not between 1 and 65535"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _sign_in_is_whole(self) -> Self:
        if (self.traccar_email is None) != (self.traccar_password is None):
            msg = "ITRACK_TRACCAR_EMAIL and ITRACK_TRACCAR_PASSWORD go together: set both, or a token instead"
            raise ValueError(msg)
        return self

    @property
    def mongodb_address(self) -> str:
        """URI of MongoDB, with its password if it has one: for clients only, never for people."""
        if self.mongodb_uri is not None:
            return self.mongodb_uri.get_secret_value()
        return f"mongodb://127.0.0.1:{self.mongodb_port}/?replicaSet=itrack"

    @property
    def kafka_address(self) -> str:
        """Bootstrap servers of Kafka."""
        return self.kafka_bootstrap or f"127.0.0.1:{self.kafka_port}"

    @property
    def s3_address(self) -> str | None:
        """Endpoint of S3, None for Amazon's own."""
        if self.s3_endpoint_url == "aws":
            return None
        return self.s3_endpoint_url or f"http://127.0.0.1:{self.s3_port}"

    @property
    def traccar_address(self) -> str:
        """Base address of Traccar's web API, without a slash at the end."""
        return (self.traccar_url or f"http://127.0.0.1:{self.traccar_port}").rstrip("/")

    @property
    def osmand_address(self) -> str:
        """Where phones report."""
        return (self.osmand_url or f"http://127.0.0.1:{self.osmand_port}").rstrip("/")

    @property
    def stand_in_token_file(self) -> Path:
        """Where the stand-in Traccar leaves its administrator's token; readable by its owner only."""
        return self.home / "run" / "traccar-token"

    @property
    def bridge_folder(self) -> Path:
        """What a bridge keeps on its machine: its spool and a token it has renewed; readable by its owner only."""
        return self.home / "bridge"

    @property
    def map_address(self) -> str:
        """Address of the live map for a browser on this machine."""
        host = "127.0.0.1" if self.map_host in {"0.0.0.0", "::"} else self.map_host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.map_port}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Args:
        overrides: values that win over environment and `.env`, by setting name; None means not given.

    Raises:
        FixConfiguration: a value does not fit; the message names the setting, never its value.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"ITRACK_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            if problem["loc"]
            else problem["msg"]
            for problem in error.errors(include_input=False)
        )
        raise FixConfiguration(f"A setting does not fit. {problems}. See docs/configuration.md.") from None


def apply_flags(assignments: Sequence[str]) -> None:
    """Put `NAME=VALUE` flags into this process's environment, where its children find them too.

    Raises:
        FixConfiguration: not of that form, no such setting, or a secret, which every user of the machine could read
            in the process list.
    """
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip().lower().removeprefix("itrack_")
        field = Settings.model_fields.get(name)
        if not equals or field is None:
            raise FixConfiguration(f"--set takes NAME=VALUE with a setting from docs/configuration.md, not {name!r}.")
        if "SecretStr" in str(field.annotation):
            raise FixConfiguration(f"{name} is a secret: set ITRACK_{name.upper()} in the environment or in .env.")
        os.environ[f"ITRACK_{name.upper()}"] = value
