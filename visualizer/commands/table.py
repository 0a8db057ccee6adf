"""The command table: what may be asked, how it is checked, who answers.

A new command is a schema, a handler, a row here and a test; docs/protocol.md is made from this.
"""

from __future__ import annotations

from typing import Any

from core.commands.fields import Message
from core.commands.table import CommandSpec, RunsOn
from visualizer.commands.requests import SessionCommands
from visualizer.commands.schemas import (
    comparing,
    decisions,
    history,
    lab,
    loop,
    notes,
    presets,
    sessions,
    sharing,
)

_WEB = "visualizer.commands.handlers"
_WORKER = "visualizer.worker.handlers"


def _web(name: str, schema: type[Message], module: str, reply: str, **flags: Any) -> CommandSpec:
    return CommandSpec(name, schema, RunsOn.WEB, f"{_WEB}.{module}.{name}", reply, **flags)


def _worker(name: str, schema: type[Message], module: str, reply: str, **flags: Any) -> CommandSpec:
    return CommandSpec(name, schema, RunsOn.WORKER, f"{_WORKER}.{module}.{name}", reply, **flags)


def _lease(name: str, schema: type[Message], module: str, reply: str, **flags: Any) -> CommandSpec:
    return CommandSpec(name, schema, RunsOn.LEASE, f"{_WORKER}.{module}.{name}", reply, **flags)


_NOT_LOADED = {
    "type": "model_load_result",
    "success": False,
    "model_path": None,
    "error": "Failed to load model from path",
}
_ROWS = (
    _worker("load_model", loop.LoadModel, "models", "model_load_result", failure=_NOT_LOADED),
    _web("cancel_load", loop.CancelLoad, "cancel_load", "load_cancelled", overtakes=True),
    _worker("initialize", loop.Initialize, "initialize", "state_update", opens=True),
    _worker(
        "tokenize_and_forward",
        loop.TokenizeAndForward,
        "initialize",
        "forward_pass_result",
        opens=True,
    ),
    _lease("forward_pass", loop.ForwardPass, "forward", "forward_pass_result"),
    _lease("auto_select", loop.AutoSelect, "select", "state_update"),
    _lease("select_tokens_only", loop.SelectTokensOnly, "select", "state_update"),
    _lease("apply_selection", loop.ApplySelection, "apply", "state_update"),
    _lease(
        "reprocess_probabilities",
        loop.ReprocessProbabilities,
        "reprocess",
        "reprocessed_probabilities_result",
        bulk=("raw_logits",),
    ),
    _web("rewind", loop.Rewind, "rewind", "state_update"),
    _web("list_sessions", sessions.ListSessions, "sessions", "session_list"),
    _web("open_session", sessions.OpenSession, "sessions", "session_opened", opens=True),
    _web("resume", sessions.Resume, "sessions", "resumed", overtakes=True, reads=True),
    _web("rename_session", sessions.RenameSession, "sessions", "session_changed"),
    _web("delete_session", sessions.DeleteSession, "sessions", "session_changed"),
    _web("restore_session", sessions.RestoreSession, "sessions", "session_changed"),
    _web("stage", sessions.Stage, "stage", "staged"),
    _lease("stage_text", sessions.StageText, "stage_text", "staged"),
    _lease("run", sessions.Run, "run", "run_changed"),
    _lease("run_again", sessions.RunAgain, "again", "runs_queued"),
    _lease("choose", sessions.Choose, "again", "state_update"),
    _web("stop", sessions.Stop, "stop", "run_changed", overtakes=True),
    _web("branch", history.NewBranch, "branches", "branch_changed"),
    _web("change_branch", history.ChangeBranch, "branches", "branch_changed"),
    _web("prune", history.Prune, "branches", "branch_changed"),
    _web("restore", history.Restore, "branches", "branch_changed"),
    _web("note", notes.Note, "notes", "note_changed"),
    _web("diff", history.Diff, "compare", "diff_result", reads=True),
    _lease("merge", history.Merge, "edit", "state_update"),
    _lease("remask", history.Remask, "edit", "state_update"),
    _lease("lock", history.Lock, "edit", "state_update"),
    _lease("unlock", history.Unlock, "edit", "state_update"),
    _lease("insert", history.Insert, "edit", "state_update"),
    _lease("delete", history.Delete, "edit", "state_update"),
    _lease("compare", history.Compare, "select", "compare_result"),
    _lease("compare_runs", comparing.CompareRuns, "run", "runs_queued"),
    _web("compare_branches", comparing.CompareBranches, "compare", "comparison_result", reads=True),
    _worker("judge", comparing.Judge, "judge", "judgement"),
    _web("regrets", history.Regrets, "compare", "regret_result", reads=True),
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
    _worker("decide", decisions.Decide, "decide", "decision", bulk=("text",)),
    _web("calibrate", decisions.Calibrate, "calibrations", "calibration", bulk=("examples",)),
    _web("calibration", decisions.OneCalibration, "calibrations", "calibration"),
    _web("cancel_calibration", decisions.CancelCalibration, "calibrations", "calibration"),
    _web("delete_calibration", decisions.DeleteCalibration, "calibrations", "calibration_deleted"),
    _web("list_calibrations", decisions.ListCalibrations, "calibrations", "calibration_list"),
)
COMMANDS = SessionCommands(_ROWS)
