"""Does S3 answer for the bucket of exports and models?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from itrack.s3 import open_s3
from itrack.settings import Settings

__all__ = ["S3Probe"]


class S3Probe:
    """Asks for the bucket's head. Needs `s3:ListBucket` on the bucket, and reads no object."""

    name = "s3"

    def __init__(self, settings: Settings) -> None:
        self._s3 = open_s3(settings)
        self._bucket = settings.s3_bucket

    def measure(self) -> Iterator[Metric]:
        """Ask once.

        Raises:
            ClientError, BotoCoreError: the bucket is not there, not ours, or nobody answers.
        """
        started_s = time.perf_counter()
        self._s3.head_bucket(Bucket=self._bucket)
        yield GaugeMetricFamily(
            "itrack_s3_head_bucket_seconds",
            "How long S3 took to answer for the bucket.",
            value=time.perf_counter() - started_s,
        )
