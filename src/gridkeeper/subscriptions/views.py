"""Pages of a person's subscriptions and of what was sent because of them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.registry.action_pages import add_errors
from gridkeeper.subscriptions import actions
from gridkeeper.subscriptions.delivery import subscription_key_of
from gridkeeper.subscriptions.forms import KindsForm, SubscriptionForm
from gridkeeper.subscriptions.models import Delivery, DeliveryState, Subscription
from gridkeeper.subscriptions.queries import deliveries_of, labels_of, subscriptions_of
from gridkeeper.subscriptions.rules import GROUP_WORDS, KINDS

_PER_PAGE = 50


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page asks for sign-in"
    return request.user


def _own(request: HttpRequest, key: str) -> Subscription:
    return get_object_or_404(Subscription, key=key, user=_user(request))


@login_required
@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """What the person is told of."""
    rows = list(subscriptions_of(_user(request)))
    labels = labels_of(row.about for row in rows)
    items = [(row, labels.get(row.about, row.about), [words_of_kind(kind) for kind in row.kinds]) for row in rows]
    return render(request, "subscriptions/subscriptions.html", {"items": items})


def words_of_kind(kind: str) -> str:
    """A kind, or a group of kinds, in words."""
    return KINDS.get(kind) or f"Everything about {GROUP_WORDS.get(kind, kind).lower()}"


class Subscribe(LoginRequiredMixin, View):
    """A new subscription; `?about=site:KEY` chooses what about."""

    def get(self, request: HttpRequest) -> HttpResponse:
        kinds = ["downtime.declared", "downtime.changed", "downtime.soon", "downtime.cancelled"]
        initial = {"about": request.GET.get("about", ""), "kinds": kinds}
        return self._show(request, SubscriptionForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SubscriptionForm(request.POST)
        if form.is_valid():
            try:
                subscription = actions.subscribe(Actor.of(request), now=timezone.now(), **form.cleaned_data)
                messages.success(request, "You are subscribed. Send a test to see that it arrives.")
                return redirect(subscription)
            except ValidationError as error:
                add_errors(form, error)
        return self._show(request, form, status=422)

    def _show(self, request: HttpRequest, form: SubscriptionForm, status: int = 200) -> HttpResponse:
        return render(request, "subscriptions/subscribe.html", {"form": form}, status=status)


class SubscriptionPage(LoginRequiredMixin, View):
    """One subscription: its kinds, its secret, what it sent."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        subscription = _own(request, key)
        kinds = [kind for kind in KINDS if kind in subscription.kinds or kind.partition(".")[0] in subscription.kinds]
        return self._show(request, subscription, KindsForm(initial={"kinds": kinds}))

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        subscription, form = _own(request, key), KindsForm(request.POST)
        if form.is_valid():
            actions.change_kinds(Actor.of(request), subscription=subscription, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect(subscription)
        return self._show(request, subscription, form, status=422)

    def _show(
        self, request: HttpRequest, subscription: Subscription, form: KindsForm, status: int = 200
    ) -> HttpResponse:
        context = {
            "subscription": subscription, "form": form, "label": labels_of([subscription.about])[subscription.about],
            "deliveries": subscription.deliveries.select_related("notice")[:20],
        }  # fmt: skip
        return render(request, "subscriptions/subscription.html", context, status=status)


@login_required
@require_POST
def act(request: HttpRequest, key: str, verb: str) -> HttpResponse:
    """Pause, resume, end, or send a test."""
    subscription, actor, now = _own(request, key), Actor.of(request), timezone.now()
    if verb == "pause":
        actions.pause(actor, subscription=subscription, now=now)
        messages.success(request, "Paused: nothing is sent until you resume it.")
    elif verb == "resume":
        actions.resume(actor, subscription=subscription)
        messages.success(request, "Resumed.")
    elif verb == "test":
        actions.send_test(actor, subscription=subscription, now=now)
        messages.success(request, "The test is on its way; the log below says what became of it.")
    elif verb == "end":
        actions.unsubscribe(actor, subscription=subscription)
        messages.success(request, "The subscription is ended.")
        return redirect("subscriptions:subscriptions")
    else:
        raise Http404(f"{verb} is no verb of a subscription")
    return redirect(subscription)


class DeliveryLog(LoginRequiredMixin, View):
    """Everything that was sent to the person, or could not be."""

    def get(self, request: HttpRequest) -> HttpResponse:
        state = request.GET.get("state", "")
        rows = deliveries_of(_user(request))
        if state in DeliveryState.values:
            rows = rows.filter(state=state)
        page = Paginator(rows, _PER_PAGE).get_page(request.GET.get("page"))
        context: dict[str, Any] = {"page": page, "state": state, "states": DeliveryState.values}
        return render(request, "subscriptions/log.html", context)


@login_required
@require_POST
def again(request: HttpRequest, key: str) -> HttpResponse:
    """Sends a delivery once more."""
    delivery = get_object_or_404(Delivery, key=key, user=_user(request))
    try:
        actions.send_again(Actor.of(request), delivery=delivery, now=timezone.now())
        messages.success(request, "It is sent again.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("subscriptions:log")


@csrf_exempt
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, signed: str) -> HttpResponse:
    """The link in every mail: GET asks, POST ends (also RFC 8058's one click, which no session comes with)."""
    try:
        key = subscription_key_of(signed)
    except BadSignature as error:
        raise Http404("this link was not made by us, or was cut off in the mail") from error
    subscription = Subscription.objects.select_related("user").filter(key=key).first()
    if request.method == "POST" and subscription is not None:
        actions.unsubscribe(Actor(user=subscription.user), subscription=subscription, reason="by the link in a mail")
        subscription = None
    label = labels_of([subscription.about])[subscription.about] if subscription else ""
    context = {"subscription": subscription, "label": label, "home": reverse("subscriptions:subscriptions")}
    return render(request, "subscriptions/unsubscribe.html", context)
