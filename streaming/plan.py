"""How phones are judged: the rules that the settings make, for everyone and for single phones."""

from __future__ import annotations

import msgspec

from itrack.errors import FixConfiguration
from itrack.settings import Settings
from itrack.trajectory.rules import Rules
from itrack.trajectory.words import Speaker

__all__ = ["ShardPlan"]


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a shard works.

    Attributes:
        rules: of movement.
        own_rules: other rules for some phones, by device.
        resolution: H3 resolution of the cells in which people are counted.
    """

    rules: Rules
    resolution: int
    own_rules: dict[str, Rules] = {}

    @classmethod
    def of(cls, settings: Settings) -> ShardPlan:
        """The plan that the settings make.

        Raises:
            FixConfiguration: the file of rules is not there, or not what it should be.
        """
        rules = Rules(
            stop_radius_m=settings.stop_radius_m,
            stop_dwell_s=settings.stop_dwell_s,
            window_s=settings.density_window_s,
        )
        file = _read(settings)
        rules = _with(rules, file.everyone, "everyone")
        own_rules = {device_id: _with(rules, numbers, device_id) for device_id, numbers in file.phones.items()}
        return cls(rules=rules, own_rules=own_rules, resolution=settings.density_resolution)

    def rules_of(self, device_id: str) -> Rules:
        """What a phone's fixes are judged by."""
        return self.own_rules.get(device_id, self.rules)

    def speaker(self, device_id: str) -> Speaker:
        """Who puts the findings of a device into words."""
        return Speaker(device_id, self.rules_of(device_id), self.resolution)


class _RulesFile(msgspec.Struct, forbid_unknown_fields=True):
    """`{"everyone": {"silence_s": 240}, "phones": {"main:7": {"stop_radius_m": 40}}}`."""

    everyone: dict[str, float] = {}
    phones: dict[str, dict[str, float]] = {}


def _read(settings: Settings) -> _RulesFile:
    if settings.rules_file is None:
        return _RulesFile()
    try:
        return msgspec.json.decode(settings.rules_file.expanduser().read_bytes(), type=_RulesFile)
    except OSError as error:
        raise FixConfiguration(f"ITRACK_RULES_FILE {settings.rules_file} cannot be read ({error.strerror}).") from error
    except msgspec.MsgspecError as error:
        raise FixConfiguration(f"ITRACK_RULES_FILE {settings.rules_file} is no file of rules: {error}.") from error


def _with(rules: Rules, numbers: dict[str, float], whose: str) -> Rules:
    unknown = sorted(numbers.keys() - set(Rules.__struct_fields__))
    if unknown:
        raise FixConfiguration(
            f"ITRACK_RULES_FILE has no such rules as {', '.join(unknown)} (of {whose}). "
            f"There are {', '.join(Rules.__struct_fields__)}."
        )
    wrong = sorted(name for name, number in numbers.items() if not 0 <= number < float("inf"))
    if wrong:
        raise FixConfiguration(f"ITRACK_RULES_FILE: {', '.join(wrong)} of {whose} must be 0 or more.")
    return msgspec.structs.replace(rules, **numbers)
