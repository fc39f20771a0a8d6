"""The way into Kafka: a queue that never drops a message without an error.

`produce` of confluent-kafka only puts a message into a queue. The three ways to lose it there are closed here: a full
queue makes the caller wait, a refused delivery becomes an error, and `settle` returns only when the broker has
acknowledged everything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from itrack.errors import FixConfiguration, SetAside, TryAgain
from itrack.settings import Settings
from streaming.producer_metrics import DELIVERY_ERRORS

__all__ = ["Publisher"]

_PATIENCE_S = 5.0
_LAST_WAIT_S = 3.0
_ANSWER_MS = 15_000
_NOT_ALLOWED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}


class Publisher:
    """An idempotent producer: acknowledged by all replicas, no duplicates by its own retries, order per key kept.

    A broker that is away is waited for; messages in the queue stay there.

    Args:
        settings: where Kafka is.
        stopping: once it is set, waiting soon ends with `TryAgain`.
        on_silence: told again and again while Kafka does not answer.
    """

    def __init__(self, settings: Settings, stopping: threading.Event, on_silence: Callable[[str], None]) -> None:
        self._stopping = stopping
        self._on_silence = on_silence
        self._address = settings.kafka_address
        self._refused: KafkaError | None = None
        self._is_closed = False
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_address,
                "client.id": "itrack-producer",
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": 0,  # wait for a broker that is away; do not drop
                "socket.timeout.ms": _ANSWER_MS,  # a connection that died without a word is left after this
                "request.timeout.ms": _ANSWER_MS,
                "linger.ms": 1,
                "max.in.flight": 2,  # with more, a backlog goes out in smaller batches: an eighth more CPU
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": 50_000,
                "queue.buffering.max.kbytes": 65_536,
                "partitioner": "murmur2_random",  # what Java and kafka-python clients do
                "on_delivery": self._on_delivery,
                "delivery.report.only.error": True,
                "error_cb": self._on_error,
            },
            logger=logging.getLogger("librdkafka"),
        )

    def publish(self, topic: str, key: bytes | None, value: bytes) -> None:
        """Put a message into the queue; wait while it is full.

        Raises:
            SetAside: the message is larger than a message may be.
            TryAgain: Kafka refused an earlier message, or the part is to stop while the queue is full.
        """
        silent_since_s = 0.0
        while True:
            try:
                self._producer.produce(topic, value, key)
            except BufferError:
                silent_since_s = silent_since_s or time.monotonic()
                self._producer.poll(0.1)
                self._wait_on(silent_since_s)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise SetAside("message_too_large", f"{len(value)} bytes") from error
                raise TryAgain(f"Kafka at {self._address} took no message: {error.args[0]}") from error
            else:
                return

    def poll(self) -> None:
        """Let delivery errors surface.

        Raises:
            TryAgain: Kafka refused a message.
        """
        self._producer.poll(0)
        self._raise_refusal()

    def settle(self) -> None:
        """Return when the broker has acknowledged every message so far.

        Raises:
            TryAgain: it refused one, or the part is to stop and it does not answer.
        """
        silent_since_s = time.monotonic()
        while self._producer.flush(0.5):
            self._wait_on(silent_since_s)
        self._raise_refusal()

    def close(self) -> None:
        """Throw away what was not acknowledged: the bookmark still stands before it."""
        self._is_closed = True
        self._producer.purge()
        self._producer.flush(1.0)

    def _wait_on(self, silent_since_s: float) -> None:
        self._raise_refusal()
        waited_s = time.monotonic() - silent_since_s
        if waited_s > _PATIENCE_S:
            self._on_silence(
                f"Kafka at {self._address} has acknowledged nothing for {waited_s:.0f} s; "
                f"{len(self._producer)} messages wait"
            )
        if self._stopping.is_set() and waited_s > _LAST_WAIT_S:
            raise TryAgain(
                f"Kafka at {self._address} does not answer; {len(self._producer)} messages are left for later"
            )

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and not self._is_closed:
            DELIVERY_ERRORS.inc()
            self._refused = error

    def _on_error(self, error: Any) -> None:
        if error.fatal():
            self._refused = error

    def _raise_refusal(self) -> None:
        if self._refused is None:
            return
        if self._refused.code() in _NOT_ALLOWED:
            raise FixConfiguration(f"Kafka at {self._address} does not let this user publish: {self._refused.str()}")
        raise TryAgain(f"Kafka at {self._address} refused a message: {self._refused.str()}")
