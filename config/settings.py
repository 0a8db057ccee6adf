"""Django's settings, all derived from config.env."""

from __future__ import annotations

from typing import Any

from config.databases import database_from
from config.env import BASE_DIR as ROOT
from config.env import env
from config.folders import usable, writable
from config.logs import configure
from config.secret import cookie_name, secret_key

ENV = env()
BASE_DIR = ROOT

DATA_DIR = writable(ENV.DATA_DIR, "DATA_DIR")
EMBEDDED = ENV.embedded
REDIS_URL = ENV.REDIS_URL
DEBUG = ENV.DEBUG
with usable("DATA_DIR"):
    SECRET_KEY = secret_key(ENV.SECRET_KEY, DATA_DIR)
ALLOWED_HOSTS = ENV.hosts
CSRF_TRUSTED_ORIGINS = ENV.origins
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "ninja",
    "config",
    "inference",
    "accounts",
    "core",
    "visualizer",
    "playground",
    "playground.training",
    "library",
]
MIDDLEWARE = [
    "config.middleware.response_headers",
    "core.http.program_errors.program_errors",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.health.probes",
    "config.static.StaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.http.errors.ErrorMiddleware",
    "core.http.head.head_as_get",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

try:
    DATABASES = {"default": database_from(ENV.DATABASE_URL, DATA_DIR)}
except ValueError as error:
    raise SystemExit(f"DATABASE_URL cannot be used: {error}") from None
PATH_PREFIX = ENV.prefix
STATIC_URL = f"{PATH_PREFIX}/static/"
STATIC_ROOT = writable(DATA_DIR / "static", "DATA_DIR")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATICFILES_DIRS = [BASE_DIR / "static"]

# Cookies know no ports: under Django's own names two sites of one host would lose each other's.
SESSION_COOKIE_NAME = cookie_name("sessionid", SECRET_KEY)
CSRF_COOKIE_NAME = cookie_name("csrftoken", SECRET_KEY)
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{PATH_PREFIX}/"
SESSION_COOKIE_AGE = 180 * 24 * 3600
SESSION_COOKIE_SECURE = ENV.HTTPS
CSRF_COOKIE_SECURE = ENV.HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if ENV.HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.HTTPS else None
LOGGING = configure(ENV.LOG_LEVEL, ENV.LOG_DIR and writable(ENV.LOG_DIR, "LOG_DIR"))

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

LAYERS: dict[bool, dict[str, Any]] = {
    True: {"BACKEND": "config.layers.ThreadSafeLayer"},
    False: {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # An explicit time-out: redis-py's own default closes idle sockets.
        "CONFIG": {"hosts": [{"address": ENV.REDIS_URL, "socket_timeout": None}]},
    },
}
CHANNEL_LAYERS = {"default": LAYERS[ENV.embedded]}

MODELS_DIR = ENV.models_dir
TRAINING_DIR = ENV.training_dir
TRAININGS_PER_WORKER = ENV.TRAININGS_PER_WORKER
TRAINING_MODELS = ENV.TRAINING_MODELS
TRAINING_BYTES = ENV.TRAINING_MB * 2**20
TRAINING_SECONDS = ENV.TRAINING_MINUTES * 60
MODEL_ROOTS = ENV.model_roots
HUB_CACHE = ENV.hub_cache
HUB_ENDPOINT = ENV.HF_ENDPOINT.rstrip("/")
HUB_TOKEN = ENV.HF_TOKEN.get_secret_value()
HUB_OFFLINE = ENV.HF_HUB_OFFLINE
REMOTE_BACKENDS = tuple(ENV.REMOTE_BACKENDS)
DEFAULT_MODEL = ENV.DEFAULT_MODEL
DEVICE = ENV.DEVICE
DTYPE = ENV.DTYPE
TORCH_THREADS = ENV.TORCH_THREADS
LOGITS_CACHE_BYTES = ENV.LOGITS_CACHE_MB * 2**20
DIGEST_DAYS = ENV.DIGEST_DAYS
KV_CACHE_BYTES = ENV.KV_CACHE_MB * 2**20
MODEL_MEMORY_BYTES = ENV.MODEL_MEMORY_MB * 2**20
STEP_TIMEOUT = ENV.STEP_TIMEOUT
LOAD_TIMEOUT = ENV.LOAD_TIMEOUT
DIFFUSION_LLM_ENABLED = ENV.DIFFUSION_LLM_ENABLED
ALLOW_GUESTS = ENV.guests
ALLOW_SIGNUP = ENV.ALLOW_SIGNUP
SOCKETS_PER_USER = ENV.SOCKETS_PER_USER
MAX_MESSAGE_BYTES = ENV.MAX_MESSAGE_BYTES
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.MAX_MESSAGE_BYTES
SOCKET_RATE = ENV.SOCKET_RATE
SOCKET_BURST = ENV.SOCKET_BURST
HTTP_RATE = ENV.HTTP_RATE
STREAM_RATE = ENV.STREAM_RATE
HTTPS = ENV.HTTPS
