"""Every environment variable that the site reads, in one typed class.

The README's table is printed from here (`python manage.py settings_table`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from inference.limits import MESSAGE_BYTES
from inference.remote_kinds import RemoteBackend

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_HOSTS = "localhost,127.0.0.1,[::1]"


class Env(BaseSettings):
    """Settings from the environment; the field's name is the variable's name."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True
    )

    PORT: int = Field(8000, ge=1, le=65535, description="port of the web server")
    HOST: str = Field("127.0.0.1", description="address that the web server listens on")
    DATA_DIR: Path = Field(
        BASE_DIR / ".data", description="database file, generated key, downloaded models, static"
    )
    DATABASE_URL: str = Field(
        "",
        description="`postgres://user:password@host:port/name?option=value`, each part "
        "percent-encoded; empty = SQLite in DATA_DIR",
    )
    REDIS_URL: str = Field(
        "",
        description="broker, channel layer and rate limits of the site shape; empty = all in one "
        "process",
    )
    SECRET_KEY: str = Field("", description="signs cookies; empty = generated, kept in DATA_DIR")
    PATH_PREFIX: str = Field(
        "",
        pattern=r"^/?([A-Za-z0-9._~-]+/?)*$",
        description="where the site begins on its host, as `/unmask`; empty = at the root",
    )
    DEBUG: bool = Field(False, description="Django's debug pages; never on a public host")
    ALLOWED_HOSTS: str = Field(LOCAL_HOSTS, description="host names served, comma-separated")
    TRUSTED_ORIGINS: str = Field(
        "", description="further origins (scheme://host:port) of pages, comma-separated"
    )
    HTTPS: bool = Field(
        False,
        description="a proxy in front speaks TLS: secure cookies, HSTS; the last address of its "
        "X-Forwarded-For is the client's",
    )
    DIFFUSION_LLM_ENABLED: bool = Field(
        True, description="whether /api/diffusion and the pages Generate and Infill are served"
    )
    ALLOW_GUESTS: bool | None = Field(
        None, description="visitors get a guest account; empty = only in the one-process shape"
    )
    ALLOW_SIGNUP: bool = Field(True, description="visitors may make an account")
    MODELS_DIR: Path | None = Field(
        None, description="directory of further checkpoints; empty = DATA_DIR/models"
    )
    TRAINING_DIR: Path | None = Field(
        None,
        description="directory of models that users train, the same for all machines of a site; "
        "empty = DATA_DIR/training",
    )
    TRAININGS_PER_WORKER: int = Field(
        1, ge=0, description="models that one worker trains at once, each in a process of its own"
    )
    TRAINING_MODELS: int = Field(20, ge=0, description="trainings that an account keeps")
    TRAINING_MB: int = Field(500, ge=0, description="disk space of an account's trainings")
    TRAINING_MINUTES: int = Field(120, ge=0, description="minutes that an account trains a day")
    MODEL_ROOTS: str = Field(
        "",
        description="directories, comma-separated, from which staff may add model directories to "
        "the list",
    )
    HF_HOME: Path | None = Field(
        None, description="the hub's client keeps its things here; downloads go to its `hub`"
    )
    HF_HUB_CACHE: Path | None = Field(
        None,
        description="where downloads go, and models that the hub's client brought are found; "
        "empty = HF_CACHE, then HF_HOME/hub, then DATA_DIR/hub",
    )
    HF_CACHE: Path | None = Field(None, description="the same, if HF_HUB_CACHE is empty")
    HF_ENDPOINT: str = Field(
        "https://huggingface.co",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="the hub from which models are downloaded, or a mirror of it",
    )
    HF_TOKEN: SecretStr = Field(
        SecretStr(""), description="token for repositories of the hub that ask for one"
    )
    HF_HUB_OFFLINE: bool = Field(False, description="nothing is asked of the hub")
    REMOTE_BACKENDS: list[RemoteBackend] = Field(
        [],
        description="servers elsewhere that answer for this site, as JSON: "
        '`[{"name": "gpu", "kind": "vllm", "url": "http://gpu:8000", "key": "…"}]`; '
        "[docs/models.md](docs/models.md)",
    )
    DEVICE: str = Field("auto", description="auto, cpu, cuda or cuda:N: where models run")
    DTYPE: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="precision of models whose card names none; auto = the checkpoint's own, on a "
        "CPU only where that is measured to be quicker than float32; only in float32 do results "
        "never depend on who shares a forward pass",
    )
    TORCH_THREADS: int = Field(0, ge=0, description="CPU threads of the engine; 0 = torch decides")
    WORKER_THREADS: int = Field(4, ge=1, description="tasks that one worker has in hand at once")
    DEFAULT_MODEL: str = Field("", description="model loaded at start; empty = the shipped one")
    WEB_CONCURRENCY: int = Field(1, ge=1, description="web processes behind one address")
    SOCKETS_PER_USER: int = Field(
        10, ge=1, description="open WebSockets per user, all processes together"
    )
    MAX_MESSAGE_BYTES: int = Field(
        MESSAGE_BYTES,
        ge=64 * 1024,
        le=MESSAGE_BYTES,
        description="largest WebSocket message that is taken",
    )
    LOGITS_CACHE_MB: int = Field(512, ge=0, description="memory for the worker's logits cache")
    KV_CACHE_MB: int = Field(
        512,
        ge=0,
        description="memory for keys and values of texts that autoregressive models have written; "
        "as much for those that they write at the moment",
    )
    MODEL_MEMORY_MB: int = Field(
        0, ge=0, description="memory for loaded models; 0 = three quarters of the device"
    )
    STEP_TIMEOUT: int = Field(60, ge=1, description="seconds that one step may take")
    LOAD_TIMEOUT: int = Field(300, ge=1, description="seconds that loading a model may take")
    SOCKET_RATE: int = Field(50, ge=1, description="messages per second and socket, sustained")
    SOCKET_BURST: int = Field(
        200, ge=1, description="messages that a socket may send at once, SOCKET_RATE at least"
    )
    HTTP_RATE: str = Field(
        "30/s",
        pattern=r"^[1-9][0-9]{0,6}/[smhd]$",
        description="HTTP requests per account, or per address without one: number/s, /m, /h or "
        "/d; what ten seconds allow, or a longer unit, may come at once",
    )
    STREAM_RATE: str = Field(
        "60/m",
        pattern=r"^[1-9][0-9]{0,6}/[smhd]$",
        description="streams begun per account, and per address: number/s, /m, /h or /d",
    )
    DIGEST_DAYS: int = Field(
        0,
        ge=0,
        le=36500,
        description="days after which a session that nobody has changed, that has no mark, note or "
        "link keeps the distribution of the step that is looked at only; its steps stay; 0 = all "
        "are kept",
    )
    LOG_DIR: Path | None = Field(
        None, description="directory for structured.log and backend.log; empty = stderr only"
    )
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe log line that is written"
    )

    @field_validator("REMOTE_BACKENDS")
    @classmethod
    def _names_once(cls, found: list[RemoteBackend]) -> list[RemoteBackend]:
        if len({one.name for one in found}) < len(found):
            raise ValueError("each server needs a name of its own")
        return found

    @property
    def embedded(self) -> bool:
        """One process holds web, worker, broker and channel layer."""
        return not self.REDIS_URL

    @property
    def prefix(self) -> str:
        """Empty, or with a slash before it and none behind it."""
        inner = self.PATH_PREFIX.strip("/")
        return f"/{inner}" if inner else ""

    @property
    def guests(self) -> bool:
        return self.embedded if self.ALLOW_GUESTS is None else self.ALLOW_GUESTS

    @property
    def models_dir(self) -> Path:
        return self.MODELS_DIR or self.DATA_DIR / "models"

    @property
    def training_dir(self) -> Path:
        return self.TRAINING_DIR or self.DATA_DIR / "training"

    @property
    def model_roots(self) -> list[Path]:
        return [Path(root) for root in _listed(self.MODEL_ROOTS)]

    @property
    def hub_cache(self) -> Path:
        home = self.HF_HOME / "hub" if self.HF_HOME else None
        found = self.HF_HUB_CACHE or self.HF_CACHE or home or self.DATA_DIR / "hub"
        return found.expanduser()

    @property
    def hosts(self) -> list[str]:
        return _listed(self.ALLOWED_HOSTS)

    @property
    def origins(self) -> list[str]:
        return _listed(self.TRUSTED_ORIGINS)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@cache
def env() -> Env:
    """The settings of this process, read once. Ends the process when one makes no sense."""
    try:
        return Env()
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise SystemExit("These settings cannot be used:\n" + "\n".join(faults)) from None
    except SettingsError as error:  # of a variable that is JSON
        raise SystemExit(f"These settings cannot be used:\n{error}") from None
