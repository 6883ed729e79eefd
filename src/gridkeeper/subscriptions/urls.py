"""Addresses of subscriptions, below /subscriptions/."""

from django.urls import path

from gridkeeper.subscriptions import views

app_name = "subscriptions"
urlpatterns = [
    path("", views.own, name="subscriptions"),
    path("new/", views.Subscribe.as_view(), name="subscribe"),
    path("log/", views.DeliveryLog.as_view(), name="log"),
    path("log/<str:key>/again/", views.again, name="again"),
    path("stop/<str:signed>/", views.unsubscribe, name="unsubscribe"),
    path("<str:key>/", views.SubscriptionPage.as_view(), name="subscription"),
    path("<str:key>/<slug:verb>/", views.act, name="act"),
]
