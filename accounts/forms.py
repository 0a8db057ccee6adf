"""The forms of the account pages."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User

from accounts.models import ApiToken

THEMES = [("auto", "System default"), ("light", "Light"), ("dark", "Dark")]


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A name and a password, typed twice. On a guest's row it turns the guest into the account."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username",)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.initial.pop("username", None)  # a guest's made-up name is no suggestion


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=THEMES, label="Theme")


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ApiToken
        fields = ("name",)
