"""The local S3: S3Proxy, which keeps objects as plain files."""

from __future__ import annotations

import socket
from pathlib import Path

from infra.process import Program
from infra.workspace import Workspace
from itrack.s3 import LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY
from itrack.settings import Settings

__all__ = ["s3proxy_program"]

_LOGBACK = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %p %c{0} %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="console"/></root>
</configuration>
"""


def s3proxy_program(workspace: Workspace, settings: Settings, java_home: Path, jars: Path) -> Program:
    """An S3 endpoint on the loopback address over the folder `data/s3`. Ready once its port accepts."""
    folder = workspace.run / "s3proxy"
    folder.mkdir(parents=True, exist_ok=True)
    data = workspace.data / "s3"
    data.mkdir(parents=True, exist_ok=True)
    properties = folder / "s3proxy.properties"
    properties.write_text(
        f"""\
s3proxy.endpoint=http://127.0.0.1:{settings.s3_port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={LOCAL_ACCESS_KEY}
s3proxy.credential={LOCAL_SECRET_KEY}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={Workspace.in_properties(data)}
"""
    )
    properties.chmod(0o600)
    logback = folder / "logback.xml"
    logback.write_text(_LOGBACK)
    return Program(
        name="s3proxy",
        argv=[
            str(java_home / "bin" / "java"),
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            f"-Dlogback.configurationFile={logback}",
            "-cp",
            f"{jars}/*",
            "org.gaul.s3proxy.Main",
            "--properties",
            str(properties),
        ],
        ports={settings.s3_port: "ITRACK_S3_PORT"},
        is_ready=lambda: _accepts(settings.s3_port),
    )


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
