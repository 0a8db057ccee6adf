from django.apps import AppConfig


class ErrandsConfig(AppConfig):
    name = "tests.core.errands"
    label = "errands"
    default_auto_field = "django.db.models.BigAutoField"
