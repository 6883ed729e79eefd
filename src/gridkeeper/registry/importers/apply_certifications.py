"""The log of certification, and since when each site has its status."""

from datetime import datetime

from gridkeeper.registry.importers.records import CertificationRecord, Records
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, decide, write
from gridkeeper.registry.models import CertificationChange, Site


def apply_certifications(run: Run, records: Records) -> None:
    """Steps of certification are added once; the newest date becomes the site's `certification_since`."""
    dates: dict[str, tuple[datetime, CertificationRecord]] = {}
    for record in records.certifications:
        site = run.sites.get(record.site)
        if site is None:
            run.find(
                "rejected", "certification change", record, "its site is not registered",
                "import the site first, then this file again", field="site", value=record.site,
            )  # fmt: skip
            continue
        if record.is_step:
            _add_step(run, record, site)
        if record.fields["new"] == site.certification:
            newest = dates.get(site.name)
            dates[site.name] = (
                max(newest, (record.changed_at, record), key=_when) if newest else (record.changed_at, record)
            )
        elif not record.is_step:
            run.find(
                "rejected", "certification change", record, "the site has another status now than the record says",
                "import the sites of the same day first", field="cert_status", value=record.fields["new"],
            )  # fmt: skip
    _note_dates(run, dates)


def _when(dated: tuple[datetime, CertificationRecord]) -> datetime:
    return dated[0]


def _add_step(run: Run, record: CertificationRecord, site: Site) -> None:
    _, is_made = CertificationChange.objects.get_or_create(
        site=site,
        changed_at=record.changed_at,
        new=record.fields["new"],
        defaults={name: record.fields[name] for name in ("old", "changed_by", "reason")},
    )
    run.report.count("certification change", "created" if is_made else "unchanged")


def _note_dates(run: Run, dates: dict[str, tuple[datetime, CertificationRecord]]) -> None:
    table: Table[Site] = Table(Site, ["name"], run.sites.values())
    wanted = []
    for name, (moment, record) in dates.items():
        item = Wanted[Site](record, (name,), {"certification_since": moment})
        known = run.sites[name].certification_since
        if (known is None or known < moment) and decide(run, "site", table, item):
            wanted.append(item)
    write(run, "site", table, wanted)
