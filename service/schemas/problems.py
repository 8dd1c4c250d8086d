"""The one body of every error, RFC 9457."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProblemPart(BaseModel):
    """One thing that is wrong."""

    pointer: str = Field(description="Where, as a JSON pointer into the request's document; empty for all of it.")
    detail: str = Field(description="What came, and what would do.")


class Problem(BaseModel):
    """What went wrong, for people and for programs."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Identifies the kind of problem, and leads to a page about it.")
    title: str = Field(description="The kind of problem; always the same for a type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What came, and what would do.")
    instance: str = Field(description="This one occurrence: the request's id as a URN.")
    errors: list[ProblemPart] = Field(default_factory=list, description="Each thing that is wrong, with its place.")
    limit: float | None = Field(None, description="The limit that was passed, where one was.")
    actual: float | None = Field(None, description="What it was passed with.")
