"""What the fields of one object must be together: country and its code, coordinates, production and monitoring."""

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from gridkeeper.registry.countries import COUNTRIES, country_of
from gridkeeper.registry.models import Service, Site
from gridkeeper.registry.rules import monitoring_problem


def with_country(values: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """The values of a site with name and code of its country in step: whoever gives one need not give the other.

    What stands already is left as it is, in whatever spelling. Raises ValidationError for a name that is no country.
    """
    given = dict(values)
    code, name = given.get("country_code"), given.get("country")
    is_new_code = code is not None and str(code).strip().upper() != site.country_code
    if is_new_code and not (name and not code):
        given["country_code"] = str(code).strip().upper()
        given["country"] = COUNTRIES.get(given["country_code"], "")
    elif name and name != site.country:
        found, spelled = country_of(str(name))
        if not found:
            raise ValidationError({"country": f"{spelled[:80]} is no country of ISO 3166; choose one of its list."})
        given |= {"country_code": found, "country": spelled}
    return given


def check_together(subject: Model, changed: Collection[str]) -> None:
    """Raises ValidationError where a changed field contradicts another one.

    Only then: an imported entry that never kept the rule is not refused for the edit of its telephone.
    """
    if isinstance(subject, Service) and {"in_production", "is_monitored"} & set(changed):
        problem = monitoring_problem(
            in_production=subject.in_production,
            is_monitored=subject.is_monitored,
            has_exception=subject.service_type.has_monitoring_exception,
        )
        if problem:
            raise ValidationError({"is_monitored": problem})
    is_place = isinstance(subject, Site) and {"latitude", "longitude"} & set(changed)
    if isinstance(subject, Site) and is_place and (subject.latitude is None) != (subject.longitude is None):
        missing = "latitude" if subject.latitude is None else "longitude"
        raise ValidationError({missing: "A place has both coordinates; give the other one too, or neither."})
