"""`manage.py typescript_types`: the types of /api/diffusion as a TypeScript declaration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.api import api
from core.http.typescript import declarations

HEAD = """\
// Types of /api/diffusion: requests and answers are those of /api/openapi.json.
// Made by `python manage.py typescript_types --write clients/unmask_client.d.ts`.
"""
FRAMES = """\
/** What a step did to a place; `pos` counts at the moment when it acts. */
export interface Operation {
  op: "commit" | "edit" | "remask" | "insert" | "delete" | "lock" | "unlock";
  slot: number;
  pos: number;
  token?: number;
  label?: string;
  p?: number | null;
  by?: string;
  new?: number[];
}

/** Server-sent events: the first frame, the canvas, and what somebody is told who comes late. */
export interface StatusFrame {
  type: "status";
  message: string;
  run?: string;
  model_used?: string;
  correlation_id?: string;
  canvas?: string[];
  mask?: string;
  prompt_length?: number;
  masked?: number;
  text?: string;
}

/** A forward pass; the texts of all steps join to the text of the complete frame. */
export interface StepFrame {
  type: "step";
  step: number;
  text: string;
  ops: Operation[];
  masked: number;
}

/** The end of a stream; infilling has `gaps` and `full_text` too. */
export interface CompleteFrame {
  type: "complete";
  text: string;
  generation_time: number;
  model_used: string;
  run: string;
  url: string;
  session_id: string | null;
  finish_reason: string;
  usage: Record<string, unknown>;
  correlation_id: string;
  gaps?: string[];
  full_text?: string;
}

/** One `data:` line of a stream; an error is the last one. */
export type Frame = StatusFrame | StepFrame | CompleteFrame | ErrorAnswer;
"""


def text() -> str:
    """The whole file."""
    made = declarations(api.get_openapi_schema(), "/api/diffusion/")
    return "\n".join([HEAD, *(f"{one}\n" for one in made), FRAMES])


class Command(BaseCommand):
    help = "Prints the types of /api/diffusion as TypeScript declarations, or writes them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", type=Path, help="file to write")

    def handle(self, *args: Any, write: Path | None, **options: Any) -> None:
        if write is None:
            self.stdout.write(text())
        else:
            write.write_text(text(), encoding="utf-8")
