from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Unmask"

    def ready(self) -> None:
        from django.conf import settings

        import config.checks
        import config.correlation

        if settings.EMBEDDED:
            import config.embedded  # noqa: F401 - starts the worker before the first task
