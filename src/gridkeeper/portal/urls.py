"""Addresses of the pages that know all floors."""

from django.urls import include, path, register_converter

from gridkeeper.portal import home_views, map_views, result_views, search_views, site_views


class SignedConverter:
    """A signed 64-bit number: ids of series and facts."""

    regex = r"-?\d{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError(f"{value} is no 64-bit number")
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(SignedConverter, "signed")

app_name = "portal"
urlpatterns = [
    path("", home_views.home, name="home"),
    path("matrix/", include("gridkeeper.portal.matrix_urls")),
    path("map/", map_views.world_map, name="map"),
    path("search", search_views.search, name="search"),
    path("sites/<str:key>/", site_views.site, name="site"),
    path("sites/<str:key>/<slug:tab>/", site_views.site_tab, name="site_tab"),
    path("services/<str:key>/", site_views.service, name="service"),
    path("results/<signed:series>/latest/", result_views.latest, name="result_latest"),
    path("results/<signed:series>/at/<int:stamp>/", result_views.at, name="result_at"),
    path("results/<signed:series>/run/", result_views.run_again, name="result_run"),
    path("results/<signed:series>/<signed:fact>/", result_views.result, name="result"),
]
