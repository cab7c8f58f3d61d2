"""From a wall time in a zone to a moment, also where clocks are set: computed when it is asked, never stored.

A time that does not exist (clocks go forward) is the next minute that does; one that is there twice (clocks go
back) is its first. Zone names are IANA's; their data are the system's, or tzdata's where it has none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import tzlocal

MINUTE = timedelta(minutes=1)


class UnknownZone(ValueError):  # noqa: N818  it says what is wrong
    """There is no time zone of that name on this machine; the message is a sentence."""


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises:
        UnknownZone: when there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:  # a name can be a path, or a folder of zones
        raise UnknownZone(f"There is no time zone called ‘{name[:60]}’.") from error


def local_zone_name() -> str:
    """The IANA name of the zone that this machine's clock shows; UTC where it says none."""
    try:
        name = str(tzlocal.get_localzone_name())
        zone_named(name)
    except (LookupError, ValueError, OSError):
        return "UTC"
    return name


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, that a naive wall time in a zone stands for."""
    sooner = _utc(wall, zone, fold=0)
    if _wall(sooner, zone) == wall:
        return sooner
    # A gap. Read with the offset after it, the time lies before the change, and with the one before it, behind.
    later, sooner = sooner, _utc(wall, zone, fold=1)
    while later - sooner > MINUTE:
        middle = sooner + (later - sooner) // MINUTE // 2 * MINUTE
        if _wall(middle, zone) > wall:
            later = middle
        else:
            sooner = middle
    return later


def wall_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """The naive wall time that clocks of a zone show at a moment."""
    return _wall(instant, zone)


def _utc(wall: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
