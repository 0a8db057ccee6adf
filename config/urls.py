"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from accounts.views import SignIn
from config.api import api, openai
from config.metrics import metrics

pages: list[URLPattern | URLResolver] = [
    path("metrics", metrics, name="metrics"),
    # Django's own pages name no icon, so browsers ask for this.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/favicon.svg")),
    # The site's own page: it slows down guessing, and brings a guest's sessions along.
    path("admin/login/", SignIn.as_view()),
    path("admin/", admin.site.urls),
    path("accounts/", include("accounts.urls")),
    path("api/", api.urls),
    path("", include("library.urls")),
    path("", include("playground.urls")),
    path("", include("playground.training.urls")),
    path("v1/", openai.urls),
    path("", include("visualizer.urls")),
]
urlpatterns = [path(f"{settings.PATH_PREFIX}/".lstrip("/"), include(pages))]
admin.site.site_header = "Unmask administration"
admin.site.site_title = "Unmask administration"
handler404 = "core.http.errors.not_found"
handler500 = "core.http.errors.server_error"
