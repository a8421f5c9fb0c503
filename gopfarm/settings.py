"""Settings of the farm: ``GOPFARM_*`` variables, or a TOML file named by ``GOPFARM_CONFIG``.

A variable wins over the file. S3 credentials, region and endpoint are not here: boto3's own variables and
files say them.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gopfarm.errors import SpecError
from gopfarm.redact import remember_address, remember_secret
from gopfarm.spec import Name, explain
from gopfarm.tenants import TenantPolicy
from gopfarm.tokens import ApiToken


def _split(value: Any) -> Any:
    """Take "a.example, b.example" for a list of two; a TOML list is one already."""
    return [host.strip() for host in value.split(",") if host.strip()] if isinstance(value, str) else value


Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Encoders = Annotated[tuple[Literal["nvenc"], ...], NoDecode, BeforeValidator(_split)]

#: Origins as browsers send them: scheme, host, and the port unless it is the scheme's own.
Origins = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[^/\s*]+$")], ...], NoDecode, BeforeValidator(_split)
]


class _Variables(EnvSettingsSource):
    """The environment; a variable whose value should be JSON and is not is named by its own name."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            # The value itself may be a secret.
            raise SpecError(f"{self.env_prefix}{field_name.upper()} is not JSON: {error}") from None


class Settings(BaseSettings):
    """Everything that an operator can set, with its default."""

    model_config = SettingsConfigDict(env_prefix="GOPFARM_", extra="forbid", frozen=True, allow_inf_nan=False)

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,  # it may hold a password
        description="Redis or Valkey: redis://, rediss:// or unix://.",
    )
    source_hosts: Hosts = Field(
        default=(),
        description="Hosts, with commas between, whose https:// sources may be read. None by default.",
    )
    webhook_hosts: Hosts = Field(
        default=(), description="Hosts, with commas between, that webhooks may be sent to. None by default."
    )
    webhook_secret: str | None = Field(
        default=None,
        repr=False,
        description="Key of the HMAC-SHA256 signature that webhooks carry; several, with spaces between, to "
        "change it.",
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Whether allowed webhook hosts may lie at private and loopback addresses.",
    )
    profiles_dir: Path | None = Field(
        default=None,
        description="Folder of <name>.yaml profiles that jobs may name, besides the built-in ones.",
    )
    scratch_dir: Path | None = Field(
        default=None,
        description="Where tasks write segments before upload; default: the system's temp folder.",
    )
    s3_upload_threads: int = Field(default=4, ge=1, le=64, description="Parallel uploads of one worker slot.")
    storage_patience_seconds: float = Field(
        default=300.0,
        ge=0,
        description="How long passing faults of storage are borne: in each read and upload, and in planning.",
    )
    lease_seconds: float = Field(
        default=15.0,
        gt=0,
        description="A task whose worker has not renewed its lease for so long is given again.",
    )
    max_attempts: int = Field(default=3, ge=1, le=20, description="Attempts of a task before its job fails.")
    aging_seconds: float = Field(
        default=300.0,
        gt=0,
        description="A job that was given nothing for so long counts as one priority higher.",
    )
    tenants: dict[str, TenantPolicy] = Field(
        default_factory=dict,
        description="Weight, limits, class by tenant, and under * those of all others; JSON in a variable.",
    )
    scaled_encoders: Encoders = Field(
        default=(),
        description="nvenc: jobs that ask for it wait for a worker that an autoscaler starts, instead of "
        "failing.",
    )
    keep_failed_hours: float = Field(
        default=24.0, ge=0, description="How long failed jobs keep their segments, for a quick retry."
    )
    child_memory_mb: int = Field(
        default=4096, ge=256, description="Memory (MiB) that one probe or task may use before it is ended."
    )
    stall_seconds: float = Field(
        default=600.0, gt=0, description="A task that makes no progress for so long is ended."
    )
    sandbox: Literal["best", "strict"] = Field(
        default="best",
        description="strict: work on media only where every part of the sandbox is in force.",
    )
    slot_hour_price: float | None = Field(
        default=None,
        ge=0,
        description="What an hour of one slot costs, in any currency: plans and jobs then tell a price.",
    )
    api_tokens: dict[Name, ApiToken] = Field(
        default_factory=dict,
        description="Tokens of the HTTP API by name, as `gopfarm token` prints them; JSON in a variable.",
    )
    api_rate: float = Field(
        default=50.0,
        gt=0,
        description="Requests a second that each token may make to one API process; twice as many at once.",
    )
    api_origins: Origins = Field(
        default=(),
        description="Origins, with commas between, whose web pages may call the HTTP API. None by default.",
    )
    job_ttl_days: float = Field(
        default=14.0, gt=0, description="How long ended jobs are remembered in Redis."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what the caller gives, then the environment, then the TOML file."""
        path = os.environ.get("GOPFARM_CONFIG")
        toml = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (init_settings, _Variables(settings_cls), *toml)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings, read once.

    Raises:
        SpecError: A variable or the file is wrong; the message names each setting.
    """
    path = os.environ.get("GOPFARM_CONFIG")
    if path and not Path(path).is_file():
        raise SpecError(f"GOPFARM_CONFIG names {path}, which is not a file")
    try:
        settings = Settings()
    except ValidationError as error:
        raise SpecError(explain(error, "a setting")) from None
    except (ValueError, OSError) as error:  # TOML syntax, no permission
        raise SpecError(f"settings cannot be read: {error}") from None
    remember_secret(settings.webhook_secret)
    remember_address(settings.redis_url)
    return settings
