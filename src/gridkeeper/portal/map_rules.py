"""The geometry of the map: what part of the world is seen, which marks stand together, where each stands.

Plain numbers only. Longitude runs to the right, latitude downwards in the picture; a degree is as long both ways
(equirectangular), so that a position is read without a formula. The picture is twice as wide as high.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

#: Degrees that the picture shows from left to right, at most and at least.
WIDEST, NARROWEST = 360.0, 0.5
_ASPECT = 2.0
#: Marks nearer to each other than this part of the width stand together: 22 px on a telephone, where a mark has 20.
_TOGETHER = 1 / 17
#: Around what is fitted, so that no mark is cut.
_MARGIN = 1.2
#: One step of zoom.
ZOOM = 2.0

_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class View:
    """What is seen: the middle, in degrees east and north, and the width in degrees."""

    longitude: float
    latitude: float
    width: float

    @property
    def height(self) -> float:
        return self.width / _ASPECT

    def within_world(self) -> "View":
        """The view with its width within bounds, moved so that it shows nothing beyond the poles and 180 degrees.

        >>> View(170, 80, 360).within_world()
        View(longitude=0.0, latitude=0.0, width=360.0)
        """
        width = min(WIDEST, max(NARROWEST, self.width))
        across, along = 180 - width / 2, 90 - width / _ASPECT / 2
        return View(
            float(max(-across, min(across, self.longitude))), float(max(-along, min(along, self.latitude))), width
        )

    def zoomed(self, factor: float) -> "View":
        """Nearer for a factor above 1."""
        return View(self.longitude, self.latitude, self.width / factor).within_world()

    def moved(self, right: float, up: float) -> "View":
        """By parts of its width and height."""
        return View(self.longitude + right * self.width, self.latitude + up * self.height, self.width).within_world()

    def percent(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a point stands, in per cent of the picture from the left and from the top.

        >>> View(0, 0, 360).percent(90, 45)
        (75.0, 25.0)
        """
        left, top = self.longitude - self.width / 2, self.latitude + self.height / 2
        return 100 * (longitude - left) / self.width, 100 * (top - latitude) / self.height

    def shows(self, longitude: float, latitude: float) -> bool:
        return all(0 <= each <= 100 for each in self.percent(longitude, latitude))


WORLD = View(0, 0, WIDEST)


def fitting(points: Sequence[tuple[float, float]]) -> View:
    """The view that shows all points (longitude, latitude); the world where there are none.

    >>> fitting([(0, 40), (20, 50)])
    View(longitude=10.0, latitude=45.0, width=24.0)
    """
    if not points:
        return WORLD
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    across, along = max(longitudes) - min(longitudes), max(latitudes) - min(latitudes)
    middle = (max(longitudes) + min(longitudes)) / 2, (max(latitudes) + min(latitudes)) / 2
    return View(*middle, max(across, along * _ASPECT, NARROWEST) * _MARGIN).within_world()


@dataclass(frozen=True, slots=True)
class Cluster(Generic[_T]):
    """Members that stand together, and the middle of them."""

    longitude: float
    latitude: float
    members: tuple[_T, ...]
    points: tuple[tuple[float, float], ...]

    @property
    def is_one_place(self) -> bool:
        """Whether no zoom can tell them apart."""
        longitudes, latitudes = [point[0] for point in self.points], [point[1] for point in self.points]
        spread = max(max(longitudes) - min(longitudes), max(latitudes) - min(latitudes))
        return spread < NARROWEST * _TOGETHER


def clustered(points: Sequence[tuple[float, float, _T]], view: View) -> list[Cluster[_T]]:
    """Each point goes to the first cluster that is near, in the order given: the same points, the same clusters.

    Points outside of the view are left out.
    """
    near = view.width * _TOGETHER
    found: list[list[tuple[float, float, _T]]] = []
    for point in points:
        if not view.shows(point[0], point[1]):
            continue
        for some in found:
            if math.hypot(some[0][0] - point[0], some[0][1] - point[1]) < near:
                some.append(point)
                break
        else:
            found.append([point])
    return [_cluster(some) for some in found]


def _cluster(some: Sequence[tuple[float, float, _T]]) -> Cluster[_T]:
    count = len(some)
    return Cluster(
        longitude=sum(point[0] for point in some) / count,
        latitude=sum(point[1] for point in some) / count,
        members=tuple(point[2] for point in some),
        points=tuple((point[0], point[1]) for point in some),
    )
