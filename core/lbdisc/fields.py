"""What the fields of settings are made of, the core's and those of plugins."""

from dataclasses import field
from typing import Annotated, Any

from pydantic import Field

Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
NotEmpty = Annotated[str, Field(min_length=1)]


def described(text: str, default: Any) -> Any:
    """A field with its line in the reference."""
    return field(default=default, metadata={"help": text})
