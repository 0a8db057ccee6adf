"""Personal tokens for programs. Only a hash is kept; the text is shown once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from accounts.models import ApiToken

PREFIX = "unmask_"
MARK = 8
"""Characters of the text that are kept to tell tokens apart."""
USED_EVERY = timedelta(minutes=1)


def issue(user: User, name: str = "default") -> str:
    """A new token's text. It has 256 random bits, so a plain hash protects it."""
    text = PREFIX + secrets.token_urlsafe(32)
    mark = text.removeprefix(PREFIX)[:MARK]
    ApiToken.objects.create(user=user, name=name, hash=hash_of(text), prefix=mark)
    return text


def find(text: str) -> ApiToken | None:
    """The token with this text, if its account is active."""
    token = ApiToken.objects.select_related("user").filter(hash=hash_of(text)).first()
    if token is None or not token.user.is_active:
        return None
    _mark_used(token)
    return token


def bearer(header: str) -> str | None:
    """The text in `Authorization: Bearer …`, or None for any other header."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def _mark_used(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used is None or now - token.last_used > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)


def hash_of(text: str) -> str:
    """What is kept of a secret with 256 random bits: a plain hash protects it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
