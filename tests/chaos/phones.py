"""The phones before the line, and what their owners and Traccar's administrator do meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import httpx2
import msgspec

from simulator.delivery import Planned, deliver
from simulator.osmand_forms import Form
from simulator.simulate import make_crowd
from simulator.stand_in.server import StandIn
from simulator.tracks import TrackPoint
from tests.chaos.evidence import Sighting, sightings

__all__ = ["Phones"]

_PEOPLE, _HOURS = 6, 3.0
_LATE = 0.2
_TWICE = 0.1
_GOES_OFFLINE = 0.1
_FUTURE = 0.02
_SERVER = "main"

Report = tuple[str, TrackPoint]


class Phones:
    """Simulated people, six at a time, whose phones also misbehave in ways of their own.

    One in five reports is dated up to a day back, one in ten is sent twice, phones go offline for a while and then send
    what they kept, oldest or newest first, and the first phone of each six now and then reports from the future, which
    silences its live feed in Traccar. The phones of the simulator bring wrong clocks, lost networks and killed apps.

    Attributes:
        accepted: reports that Traccar answered with 200; it may have lost some of them when it was stopped.
        refused: others, by reason.
    """

    def __init__(self, traccar: StandIn) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._traccar = traccar
        self._coming: Iterator[Report] = iter(())
        self._kept: dict[str, list[Report]] = {}
        self._names: dict[int, str] = {}
        self._taken: dict[int, str] = {}
        self._removed: dict[str, Sighting] = {}
        self._crowds = 0
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def send(self, random: Random, count: int, over_s: float) -> None:
        """Begin to send so many reports, more or less; Traccar has to be up now, and may go away afterwards."""
        self.join()
        reports = [self._next(random) for _ in range(count)]
        plans: dict[str, list[Planned]] = {}
        for number, (phone, point) in enumerate(self._as_phones_send(random, reports)):
            due_s = over_s * number / count
            plans.setdefault(phone, []).append(Planned(due_s=due_s, point=point))
        form = random.choice(list(Form))
        self._thread = threading.Thread(target=self._deliver, args=(plans, form), name="phones", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until everything is sent; Traccar has to be up."""
        if self._thread is not None:
            self._thread.join(timeout=60)
            assert not self._thread.is_alive(), "phones cannot send"
            self._thread = None

    def close(self) -> None:
        """Send no more."""
        self._stopping.set()
        self.join()

    def meddle(self, random: Random) -> str:
        """One act of Traccar's administrator on a device of whoever was first to come; what it was."""
        numbers = list(self._names)
        act = random.choice(["rename", "take away", "give back", "remove"])
        if act == "give back" and self._taken:
            self._give_back(random.choice(list(self._taken)))
        elif act == "rename":
            self._rename(random.choice(numbers), f"Ann {random.randrange(1000)} <b>&")
        elif act == "take away" and len(numbers) > 3:
            self._take_away(random.choice(numbers))
        elif act == "remove" and len(numbers) > 4:
            self._remove(random.choice(numbers))
        else:
            return ""
        return act

    def give_all_back(self) -> None:
        """Let the bridge's user see every device that is left."""
        for number in list(self._taken):
            self._give_back(number)

    def due(self) -> dict[str, Sighting]:
        """What has to be everywhere."""
        present = {f"{_SERVER}:{number}" for number in self._names}
        return {fix_id: each for fix_id, each in self._in_traccar().items() if each[0] in present}

    def allowed(self) -> dict[str, Sighting]:
        """What may be anywhere."""
        return self._in_traccar() | self._removed

    def devices(self) -> dict[str, str]:
        """Names of the devices that the bridge's user may see."""
        return {f"{_SERVER}:{number}": name for number, name in self._names.items()}

    def _in_traccar(self) -> dict[str, Sighting]:
        return sightings(self._traccar.stored_positions(), _SERVER)

    def _next(self, random: Random) -> Report:
        """The next report; new people come when all have sent theirs."""
        report = next(self._coming, None)
        if report is None:
            self._coming = self._new_people(random)
            report = next(self._coming)
        phone, point = report
        if random.random() < _LATE:
            point = _moved(point, -timedelta(seconds=random.randrange(86_400)))
        if phone.endswith("-0001") and random.random() < _FUTURE:
            point = msgspec.structs.replace(
                point, measured_at=datetime.now(UTC) + timedelta(hours=random.randrange(1, 23))
            )
        return phone, point

    def _new_people(self, random: Random) -> Iterator[Report]:
        self._crowds += 1
        seed = random.randrange(1_000_000)
        crowd = make_crowd(
            _PEOPLE, _HOURS, seed=seed, now=datetime.now(UTC), speed=1e6, device_prefix=f"{self._crowds}-"
        )
        for phone in crowd.plans:
            self._names[self._traccar.add_device(phone)] = phone
        leaving = [(planned.due_s, phone, planned.point) for phone, plan in crowd.plans.items() for planned in plan]
        leaving.sort(key=lambda each: each[0])
        return iter([(phone, point) for _, phone, point in leaving])

    def _as_phones_send(self, random: Random, reports: list[Report]) -> Iterator[Report]:
        """What leaves the phones: twice, later, and in another order."""
        for phone in [phone for phone in self._kept if random.random() < 0.5]:
            kept = self._kept.pop(phone)
            yield from reversed(kept) if random.random() < 0.5 else kept
        for phone in dict.fromkeys(phone for phone, _ in reports):
            if random.random() < _GOES_OFFLINE:
                self._kept.setdefault(phone, [])
        for report in reports:
            if report[0] in self._kept:
                self._kept[report[0]].append(report)
                continue
            yield report
            if random.random() < _TWICE:
                yield report

    def _deliver(self, plans: dict[str, list[Planned]], form: Form) -> None:
        done = deliver(plans, self._traccar.osmand_url, form=form, stopping=self._stopping)
        self.accepted += done.accepted
        self.refused += done.refused

    def _ask(self, method: str, path: str, body: object = None) -> httpx2.Response:
        sign_in = {"Authorization": f"Bearer {self._traccar.token}"}
        answer = httpx2.request(method, f"{self._traccar.web_url}/api{path}", json=body, headers=sign_in)
        answer.raise_for_status()
        return answer

    def _rename(self, number: int, name: str) -> None:
        device = self._ask("GET", f"/devices/{number}").json()
        self._ask("PUT", f"/devices/{number}", {**device, "name": name})
        self._names[number] = name

    def _take_away(self, number: int) -> None:
        self._ask("DELETE", "/permissions", {"userId": 1, "deviceId": number})
        self._taken[number] = self._names.pop(number)

    def _give_back(self, number: int) -> None:
        self._ask("POST", "/permissions", {"userId": 1, "deviceId": number})
        self._names[number] = self._taken.pop(number)

    def _remove(self, number: int) -> None:
        """Delete a device with its fixes, noting in the same moment which they were: what nobody fetched is gone."""

        def remove() -> dict[str, Sighting]:
            before = self._in_traccar()
            self._traccar._traccar.remove_device(number)
            return {fix_id: each for fix_id, each in before.items() if each[0] == f"{_SERVER}:{number}"}

        self._removed |= self._traccar._call(remove)
        del self._names[number]


def _moved(point: TrackPoint, by: timedelta) -> TrackPoint:
    return msgspec.structs.replace(point, measured_at=point.measured_at + by)
