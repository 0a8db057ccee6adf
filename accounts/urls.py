"""Addresses of the pages for accounts."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from accounts import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-up", views.sign_up, name="sign_up"),
    path("sign-in", views.SignIn.as_view(), name="sign_in"),
    path("sign-out", views.sign_out, name="sign_out"),
    path("password", views.ChangePassword.as_view(), name="password_change"),
    path("theme", views.theme, name="theme"),
    path("tokens", views.create_token, name="create_token"),
    path("tokens/<int:pk>/revoke", views.revoke_token, name="revoke_token"),
    path("", views.account, name="account"),
    # As people type them: with a slash at the end.
    *(
        path(f"{page}/", RedirectView.as_view(pattern_name=name, query_string=True))
        for page, name in (
            ("sign-up", "sign_up"),
            ("sign-in", "sign_in"),
            ("password", "password_change"),
        )
    ),
]
