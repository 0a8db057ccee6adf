"""Pages for accounts: sign up, sign in, sign out, settings."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import tokens
from accounts.forms import SignUpForm, ThemeForm, TokenForm
from accounts.guests import is_guest
from accounts.middleware import BACKEND, address
from accounts.models import ApiToken, Profile
from accounts.ownership import merge
from accounts.rate_limits import SIGN_IN_FAILURES


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """A new account. A guest's own row becomes the account, so nothing changes hands."""
    if not settings.ALLOW_SIGNUP:
        return render(request, "accounts/sign_up_closed.html", status=403)
    guest = User.objects.get(pk=_user(request).pk) if is_guest(request.user) else None
    form = SignUpForm(request.POST or None, instance=guest)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, "accounts/sign_up.html", form)
    user = form.save()
    Profile.objects.filter(user=user).update(is_guest=False)
    login(request, user, backend=BACKEND)
    return redirect(_next(request))


class SignIn(LoginView):
    """Signing in as a guest brings the guest's sessions along."""

    template_name = "accounts/sign_in.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        attempt = _attempt(request)
        if not SIGN_IN_FAILURES.is_spent(attempt):
            return super().post(request, *args, **kwargs)
        pause = SIGN_IN_FAILURES.retry_after(attempt)
        form = AuthenticationForm(request)
        context = self.get_context_data(form=form, pause=pause)
        response = render(request, self.template_name, context, status=429)
        response.headers["Retry-After"] = str(pause)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        SIGN_IN_FAILURES.hit(_attempt(self.request))
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        # Read now: signing in replaces what request.user stands for.
        guest = User.objects.filter(pk=self.request.user.pk or 0, profile__is_guest=True).first()
        SIGN_IN_FAILURES.clear(_attempt(self.request))
        response = super().form_valid(form)
        if guest is not None and guest.pk != form.get_user().pk:
            merge(guest, form.get_user())
        return response

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(allow_signup=settings.ALLOW_SIGNUP, **context)


class ChangePassword(PasswordChangeView):
    template_name = "accounts/password.html"
    success_url = reverse_lazy("account")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Theme, tokens, password."""
    return _account_page(request)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keeps the theme with the account and goes back to where the visitor was."""
    form = ThemeForm(request.POST)
    profile = Profile.objects.filter(user_id=request.user.pk or 0).first()
    if form.is_valid() and profile is not None:
        profile.settings["theme"] = form.cleaned_data["theme"]
        profile.save(update_fields=["settings"])
    return redirect(_next(request))


@login_required
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Shows the new token's text, this once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form=form)
    text = tokens.issue(_user(request), form.cleaned_data["name"])
    return _account_page(request, new_token=text)


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=_user(request))
    token.delete()
    messages.success(request, f"The token “{token.name}” works no longer.")
    return redirect("account")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _attempt(request: HttpRequest) -> str:
    """Who tries to sign in: the address, and the name that was typed."""
    return f"{address(request)} {request.POST.get('username', '')[:150].casefold()}"


def _account_page(
    request: HttpRequest, form: TokenForm | None = None, new_token: str = ""
) -> HttpResponse:
    profile = Profile.objects.get(user=_user(request))
    context = {
        "page": "account",
        "theme_form": ThemeForm(initial={"theme": profile.settings.get("theme", "auto")}),
        "token_form": form or TokenForm(initial={"name": "default"}),
        "tokens": ApiToken.objects.filter(user=_user(request)).order_by("-created"),
        "new_token": new_token,
        "is_guest": profile.is_guest,
    }
    status = 422 if form is not None else 200
    return render(request, "accounts/account.html", context, status=status)


def _form_page(request: HttpRequest, template: str, form: SignUpForm) -> HttpResponse:
    context = {"form": form, "next": _next(request)}
    return render(request, template, context, status=422 if form.is_bound else 200)


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: an address of this site, else the front page."""
    target = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else "/"
