"""get_cert_status_date and get_cert_status_changes: where sites stand in their certification, and each step."""

from collections.abc import Iterator
from datetime import UTC

from django.db.models import Q

from gridkeeper.api.gocdb.filters import like, status_filter
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.rows import QueryRows
from gridkeeper.api.gocdb.xml import end, leaf, start
from gridkeeper.registry.models import CertificationChange, Infrastructure, Site

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def status_rows(question: Question) -> QueryRows:
    """The sites of the production infrastructure, as with GOCDB."""
    condition = status_filter(question)
    if (roc := question.get("roc")) is not None:
        condition &= like("ngi__name", roc)
    return QueryRows(Site.objects.current().filter(condition, infrastructure=Infrastructure.PRODUCTION))


def write_statuses(question: Question, sites: list[Site]) -> Iterator[str]:
    for site in sites:
        yield start("site", 1, ID=site.pk)
        yield leaf("name", site.name)
        yield leaf("cert_status", site.certification)
        if site.certification_since is not None:
            since = site.certification_since.astimezone(UTC)
            # The hour goes to 24 and is followed by AM or PM: so GOCDB writes it, and readers know.
            moment = f"{since:%d}-{_MONTHS[since.month - 1]}-{since:%y %H.%M.%S} {'AM' if since.hour < 12 else 'PM'}"
            yield leaf("cert_date", moment)
        yield end("site", 1)


def change_rows(question: Question) -> QueryRows:
    """The steps, those of closed sites among them: they are history."""
    condition = Q()
    if (site := question.get("site")) is not None:
        condition &= like("site__name", site)
    if start_date := question.date("startdate"):
        condition &= Q(changed_at__gt=start_date)
    if end_date := question.date("enddate"):
        condition &= Q(changed_at__lt=end_date)
    return QueryRows(CertificationChange.objects.filter(condition).select_related("site"))


def write_changes(question: Question, changes: list[CertificationChange]) -> Iterator[str]:
    for change in changes:
        at = change.changed_at.astimezone(UTC)
        yield start("result", 1, ID=change.pk)
        yield leaf("TIME", f"{at:%d}-{_MONTHS[at.month - 1]}-{at:%Y %H.%M.%S}")
        yield leaf("UNIX_TIME", str(int(at.timestamp())))
        yield leaf("SITE", change.site.name)
        yield leaf("OLD_STATUS", change.old)
        yield leaf("NEW_STATUS", change.new)
        yield leaf("CHANGED_BY", change.changed_by)
        yield leaf("COMMENT", change.reason)
        yield end("result", 1)
