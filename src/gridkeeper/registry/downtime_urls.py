"""Addresses of the pages of downtimes, below /registry/."""

from django.urls import path

from gridkeeper.registry import calendar_views, declare_view, downtime_pages, downtime_steps, lists

downtime_patterns = [
    path("downtimes/", lists.DowntimeList.as_view(), name="downtimes"),
    path("downtimes/now/", downtime_pages.now_and_next, name="downtimes_now"),
    path("downtimes/calendar/", calendar_views.calendar, name="calendar"),
    path("downtimes/declare/", declare_view.DowntimeDeclare.as_view(), name="downtime_declare"),
    path("downtimes/times/", declare_view.times, name="downtime_times"),
    path("downtimes/import/", declare_view.DowntimeImport.as_view(), name="downtime_import"),
    path("downtimes/import/template.csv", declare_view.template, name="downtime_template"),
    path("downtimes/recurrences/<str:key>/", downtime_pages.recurrence, name="recurrence"),
    path("downtimes/recurrences/<str:key>/end/", downtime_steps.RecurrenceEnd.as_view(), name="recurrence_end"),
    path("downtimes/<str:key>/", downtime_pages.downtime, name="downtime"),
    path("downtimes/<str:key>/edit/", downtime_steps.DowntimeEdit.as_view(), name="downtime_edit"),
    path("downtimes/<str:key>/extend/", downtime_steps.DowntimeExtend.as_view(), name="downtime_extend"),
    path("downtimes/<str:key>/end/", downtime_steps.DowntimeEnd.as_view(), name="downtime_end"),
    path("downtimes/<str:key>/end-part/", downtime_steps.DowntimeEndPart.as_view(), name="downtime_end_part"),
    path("downtimes/<str:key>/severity/", downtime_steps.DowntimeSeverity.as_view(), name="downtime_severity"),
    path("downtimes/<str:key>/cancel/", downtime_steps.DowntimeCancel.as_view(), name="downtime_cancel"),
]
