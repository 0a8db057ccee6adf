"""The command table: what may be asked, how it is checked, who answers.

A new command is a schema, a handler, a row here and a test; docs/protocol.md is made from this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from visualizer.commands.schemas import comparing, history, lab, loop, presets, sessions, sharing
from visualizer.fields import Message, SessionMessage

_WEB = "visualizer.commands.handlers"
_WORKER = "visualizer.worker.handlers"


class Place(Enum):
    """Where a command is carried out."""

    WEB = "web"  # at once, in the web process: database only
    WORKER = "worker"  # by any worker
    TURN = "turn"  # by a worker that holds the session's lease, in order


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One row: schema, place, handler ("module.function") and the type of its reply.

    `overtakes`: answered without waiting for earlier commands of the same socket.
    `opens`: the session of the reply becomes the socket's own. `reads`: nothing changes, so that
    readers of a shared session may ask it too. `once`: fields of the reply that are told and not
    kept; a repeat of the request has null there.
    """

    name: str
    schema: type[Message]
    place: Place
    handler: str
    reply: str
    overtakes: bool = False
    opens: bool = False
    reads: bool = False
    once: tuple[str, ...] = ()

    @property
    def needs_session(self) -> bool:
        return issubclass(self.schema, SessionMessage | sessions.OpenSession)

    @property
    def sentence(self) -> str:
        """The first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().splitlines()[0]


def _web(name: str, schema: type[Message], module: str, reply: str, **flags: Any) -> CommandSpec:
    return CommandSpec(name, schema, Place.WEB, f"{_WEB}.{module}.{name}", reply, **flags)


def _worker(name: str, schema: type[Message], module: str, reply: str, **flags: Any) -> CommandSpec:
    return CommandSpec(name, schema, Place.WORKER, f"{_WORKER}.{module}.{name}", reply, **flags)


def _turn(name: str, schema: type[Message], module: str, reply: str) -> CommandSpec:
    return CommandSpec(name, schema, Place.TURN, f"{_WORKER}.{module}.{name}", reply)


_ROWS = (
    _worker("load_model", loop.LoadModel, "models", "model_load_result"),
    _web("cancel_load", loop.CancelLoad, "loading", "load_cancelled", overtakes=True),
    _worker("initialize", loop.Initialize, "starting", "state_update", opens=True),
    _worker(
        "tokenize_and_forward",
        loop.TokenizeAndForward,
        "starting",
        "forward_pass_result",
        opens=True,
    ),
    _turn("forward_pass", loop.ForwardPass, "forward", "forward_pass_result"),
    _turn("auto_select", loop.AutoSelect, "selecting", "state_update"),
    _turn("select_tokens_only", loop.SelectTokensOnly, "selecting", "state_update"),
    _turn("apply_selection", loop.ApplySelection, "applying", "state_update"),
    _turn(
        "reprocess_probabilities",
        loop.ReprocessProbabilities,
        "reprocessing",
        "reprocessed_probabilities_result",
    ),
    _web("rewind", loop.Rewind, "heads", "state_update"),
    _web("list_sessions", sessions.ListSessions, "sessions", "session_list"),
    _web("open_session", sessions.OpenSession, "sessions", "session_opened", opens=True),
    _web("resume", sessions.Resume, "sessions", "resumed", overtakes=True, reads=True),
    _web("rename_session", sessions.RenameSession, "sessions", "session_changed"),
    _web("delete_session", sessions.DeleteSession, "sessions", "session_changed"),
    _web("restore_session", sessions.RestoreSession, "sessions", "session_changed"),
    _web("stage", sessions.Stage, "staging", "staged"),
    _turn("run", sessions.Run, "running", "run_changed"),
    _web("stop", sessions.Stop, "running", "run_changed", overtakes=True),
    _web("branch", history.NewBranch, "branches", "branch_changed"),
    _web("change_branch", history.ChangeBranch, "branches", "branch_changed"),
    _web("prune", history.Prune, "branches", "branch_changed"),
    _web("restore", history.Restore, "branches", "branch_changed"),
    _web("diff", history.Diff, "comparing", "diff_result", reads=True),
    _turn("merge", history.Merge, "steering", "state_update"),
    _turn("remask", history.Remask, "steering", "state_update"),
    _turn("lock", history.Lock, "steering", "state_update"),
    _turn("unlock", history.Unlock, "steering", "state_update"),
    _turn("insert", history.Insert, "steering", "state_update"),
    _turn("delete", history.Delete, "steering", "state_update"),
    _turn("compare", history.Compare, "selecting", "compare_result"),
    _turn("compare_runs", comparing.CompareRuns, "running", "runs_queued"),
    _web(
        "compare_branches", comparing.CompareBranches, "comparing", "comparison_result", reads=True
    ),
    _web("regrets", history.Regrets, "comparing", "regret_result", reads=True),
    _web("share", sharing.Share, "sharing", "link_made", once=("token", "path")),
    _web("unshare", sharing.Unshare, "sharing", "link_list"),
    _web("list_links", sharing.ListLinks, "sharing", "link_list"),
    _web("save_preset", presets.SavePreset, "presets", "preset_list"),
    _web("delete_preset", presets.DeletePreset, "presets", "preset_list"),
    _web("list_presets", presets.ListPresets, "presets", "preset_list"),
    _web("lab_start", lab.LabStart, "lab", "lab_job"),
    _web("lab_cancel", lab.LabCancel, "lab", "lab_job"),
    _web("lab_job", lab.OneLabJob, "lab", "lab_job"),
    _web("lab_jobs", lab.LabJobs, "lab", "lab_job_list"),
)
COMMANDS: dict[str, CommandSpec] = {row.name: row for row in _ROWS}
