"""Accounts in Django's admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from accounts.models import ApiToken, Profile


class ProfileInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Profile
    can_delete = False


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    inlines = (ProfileInline,)
    list_display = ("username", "email", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("profile__is_guest", "is_staff", "is_active", "date_joined")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens can be looked at and revoked; their text is not kept."""

    list_display = ("name", "user", "prefix", "created", "last_used")
    search_fields = ("name", "user__username", "prefix")
    list_filter = ("created", "last_used")
    readonly_fields = ("user", "name", "prefix", "created", "last_used")
    exclude = ("hash",)

    def has_add_permission(self, request: object) -> bool:
        return False


admin.site.unregister(User)
admin.site.register(User, AccountAdmin)
