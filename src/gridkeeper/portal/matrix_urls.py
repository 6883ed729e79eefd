"""Addresses of the matrix and its sisters, included below /matrix/ by `gridkeeper.portal.urls`."""

from django.urls import path, register_converter

from gridkeeper.portal import cell_views, compare_views, matrix_views, node_views, sam_views


class CodeConverter:
    """A number in base 36."""

    regex = "[0-9a-z]{1,12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(CodeConverter, "code")

urlpatterns = [
    path("", matrix_views.matrix, name="matrix"),
    path("compare/", compare_views.compare, name="compare"),
    path("sam/", sam_views.sam, name="sam"),
    path("tests/", sam_views.tests, name="tests"),
    path("node/<str:hostname>/", node_views.node, name="node"),
    path("live", matrix_views.live, name="matrix_live"),
    path("titles/<code:row>", cell_views.titles, name="matrix_titles"),
    path("<code:code>/<code:row>", cell_views.latest, name="matrix_cell"),
    path("<code:code>/<code:row>@<int:stamp>", cell_views.latest_at, name="matrix_cell_then"),
    path("<str:vo>/<code:code>/<code:row>", cell_views.latest, name="matrix_cell_of_vo"),
    path("<str:vo>/<code:code>/<code:row>@<int:stamp>", cell_views.latest_at, name="matrix_cell_of_vo_then"),
]
