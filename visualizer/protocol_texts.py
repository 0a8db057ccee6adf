"""What the protocol's documentation says in words; the rest is made from the tables."""

from __future__ import annotations

INTRODUCTION = """\
# Protocol of `/ws`

This page is made by `python manage.py protocol_docs`; change the tables, not the page.

Programs open a WebSocket at `/ws` and send and receive JSON objects in text frames. They say who
they are with `Authorization: Bearer TOKEN` (`python manage.py api_token NAME` prints one), with the
site's session cookie, or, where guests are allowed, not at all. A machine-readable description of
every message that may be sent is `protocol.schema.json` (JSON Schema 2020-12).

1. The server sends `model_status`, and again when it changes.
2. `initialize` starts a session, which becomes the socket's own. Each command on a session may name
   another one by `session_id`. Sessions are kept: `list_sessions` and `open_session` find them.
3. The loop: `forward_pass`, `auto_select` or a choice by hand, `apply_selection`, and again, until
   `is_complete`. `run` does it by itself.
4. Answers come in the order of the commands. A command that has a `request_id` gets it back in its
   answer; the same `request_id` sent again gets the same answer and changes nothing. It has 1 to
   64 visible ASCII characters. Answers are kept for a day, those above 64 kB for ten
   minutes.
5. `rewind` is a view; another choice at an older step begins a new branch.

**Types are strict.** `64.0`, `"64"` and `true` are not whole numbers; unknown fields are refused;
so are NaN, Infinity, keys given twice, lone surrogates, NUL characters and nesting deeper than 32.
A message has at most 10 MB in either direction. A `forward_pass_result` that would be larger
carries the first positions and says in `next` where to go on (`"positions": [from, to]`); `next`
is null when nothing is left.

**Probabilities** are over the whole vocabulary at the softmax temperature, before top-k and top-p,
so those of a position sum to at most 1. `is_in_actual` says whether a token is within the best
`actual_top_k` and within `top_p`, whichever is less; the token that crosses `top_p` belongs to it.
The mask is never a candidate. With Gumbel noise the best 128 tokens are noisy and the rest of the
vocabulary keeps its share; the noise depends on the session's seed and the step only.

**Blocks**: `block_length` masks from the end of the prompt on make a block; automatic choices stay
within the first block that still holds a mask.

**Staying in step**: `resume` with the number of the last event that you saw; whoever is more than
500 events behind is sent a `snapshot` instead. `{"type": "ack", "number": N}` (no answer) says that
everything up to N has been dealt with; a client that acknowledges is never sent more than 500
events ahead. Close codes: 4401 sign in again, 4403 a page of a foreign origin, or a cookie
without an Origin (the reason says what to set), 4404 no such session (pages), 4429 too many sockets
or guests, 1008 too many frames, 1009 a message above the limit, 1012 the server restarts (come
back, with `resume`).

**Sharing**: `share` makes a link; its address is `/r/TOKEN/`. Whoever has it sees the session live
at `/ws/r/TOKEN/`, without an account: a `snapshot` first, then the same frames as a page, branches
that are made later among them. Such a socket answers the commands marked below as reading; to any
other it says `auth`, to one that names another session `not_found`. It is closed with 4404 within
two seconds of the link being revoked, of its end, or of the session being deleted.
"""

STATE = (
    "`state`: `session_id`, `branch`, `step`, `block`, `block_start`, `block_length`, "
    "`gen_length`, `prompt_length`, `token_ids`, `tokens`, `text` (decoded, with "
    "characters of several tokens whole), `text_spans` (for each position the characters "
    "[start, end) of it in which the token has a share), `positions`, `selected_positions` "
    "(position → token of everything that was applied). A position has `position`, `slot`, "
    "`current_token`, `current_token_id`, `is_masked`, `is_prompt`, `is_locked`, "
    "`is_surplus` (it fills the last block of a block model and will be cut), "
    "`is_block_boundary`, `actual_top_k`, `candidates` (filled where a forward pass of this "
    "state was kept). "
)
REPLIES: dict[str, str] = {
    "model_load_result": "`success`, `model_path`, `error` (null, or a short text with the "
    "reason in `message`)",
    "load_cancelled": "`model_path`; the waiting `load_model` is answered with an error",
    "state_update": STATE + "`is_complete`. After `auto_select` and `select_tokens_only` also "
    "`selected_tokens` (position → token) and `message`",
    "forward_pass_result": "`session_id`, `branch`, `step`, `cached`, `ms`, `notice`?, `result`: "
    "`positions` (as in a state; candidates are `{token, token_id, logit, prob, rank, "
    "is_in_actual}`), `tokens` (ids), `prompt_length`, `next`, `raw_logits` (empty unless asked "
    "for: `{position, token_ids, logits, rest_count, rest}`, the best 128 tokens and the log of "
    "the sum of exp(logit) over the others)",
    "reprocessed_probabilities_result": "`result` as above with `settings_applied` and `source`: "
    "`digest` (kept by the server) or `raw_logits` (yours; without `rest` they count as the whole "
    "vocabulary, with it the other tokens count as equally likely)",
    "session_list": "`sessions`: `{session_id, title, model, step, gen_length, updated}`; `next`",
    "session_opened": "`session_id`, `session`, `state`, `is_complete`, `number` of the newest "
    "event; later ones follow",
    "resumed": "`session_id`, `after`, `number`; the events after `after` follow",
    "session_changed": "`session_id`, `session`",
    "staged": "`selections`: position → `{token, label, by}`; `strategy`",
    "run_changed": "`run`: `{id, status, recipe, branch, error}`",
    "branch_changed": "`branch`: `{id, name, parent, fork_number, marked, pruned}`",
    "note_changed": "`note`: `{branch, number, text}`; an empty text: there is none any more",
    "diff_result": "`branches`, `same` (slots that agree), `differences`: "
    "`{slot, tokens: [{token_id, token} or null, …]}`",
    "compare_result": "`step`, `strategies`: name → list of `{position, token_id, token, prob}`",
    "runs_queued": "`step`, `branches`, `runs`: one of each for every recipe, in order; the runs "
    "are worked one after the other and their steps are events",
    "comparison_result": "`sides` (each with `session_id`, `title`, `branch`, `name`, `number`, "
    "`settings`, `steps`, `tokens`, `masked`, `forwards`, "
    "`tokens_per_forward`, `mean_confidence`, `mean_entropy` in nats, `kendall_tau` (order of "
    "writing against left to right, -1 to 1), `milliseconds`, `score` (null, or `{task, exact, "
    "marks}`)), `positions`: `{slot, positions, state (same, different, masked, missing), tokens: "
    "[{token_id, token, by, step, p} or null, …]}`, `counts`, `agreement` (0 to 1), "
    "`first_divergence` (null, or `{step, slot, position}`), `parameters` that differ (`{name, "
    "values}`), `words`: `{op, words}`",
    "judgement": "`judge`: `{slug, label}` of the autoregressive model that judges, `texts`: for "
    "each side `{session_id, branch, number, tokens, perplexity}`: how many tokens of the judge's "
    "the written text has, and exp of their mean negative log-probability (null for no text)",
    "regret_result": "`branch`, `number`, `judged` (how many written tokens a later pass covers; "
    "the passes of a run cover the open positions alone, unless it has `keep_settled`; those by "
    "hand cover all), `regret`: slot → "
    "`{position, token_id, token, step, p (when written), p_now, as_of (state of that pass)}`",
    "link_made": "`session_id`, `link`: `{id, name, created, expires, last_used}`, `token` and "
    "`path`, which are told once: a repeat of the request has null there",
    "link_list": "`session_id`, `links`: as above, without those that were revoked",
    "preset_list": "`presets`: `{name, values, updated}`",
    "lab_job": "`job`: `{id, status (queued, running, cancelled, done, failed), made, total, share "
    "(0 to 1), rows, error, model, task, recipes, steps, block_length, count, seed, results, "
    "created, finished}`; a row of `results` has `recipe`, `steps`, `passes` (mean of a case), "
    "`tokens_per_pass`, `milliseconds` (mean of a case), `marks` (means, 0 to 1), `each` (the "
    "first mark of every case)",
    "decision": "`model`, `temperature`, `rows` and `forwards` (sequences, and passes over them), "
    "`places`: `{kind, answer, probability, choices, expected (of a scale: the mean)}`; a choice "
    "has `text`, `probability` (among the choices, at the temperature) and `logprob` (joint "
    "log-probability of its tokens, given how many they are)",
    "calibration": "`calibration`: `{id, status, made, total, error, name, model, places, created, "
    "finished, results}`; once it is done `results` has `temperature`, `count`, `accuracy`, "
    "`before` (at temperature 1) and `after` (each fifth by a temperature fitted on the others), "
    "both with `error` (expected calibration error, ten bins), `loss` (nats) and `bins`: `{low, "
    "high, count, confidence, accuracy}`",
    "calibration_list": "`calibrations`: as above",
    "calibration_deleted": "`calibration`: the id of the one that was forgotten",
    "lab_job_list": "`jobs`: `{id, status, made, total, share, rows, error}`",
}
EXTRA_MESSAGES: dict[str, str] = {
    "model_status": "`is_loaded`, `model_path`: sent first, and when it changes",
    "event": "see below",
    "snapshot": "`number`, `session`, `branches`, `head`, `slots` `[id, token, text, by, prompt, "
    "locked]`, `commits` slot → `[step, probability]`, `steps`, `forwards`, `heat`, `staged`, "
    "`run`, `notes` (all of the session: `branch`, `number`, `text`)",
    "error": "see below",
}
EVENTS: dict[str, str] = {
    "session": "`title`, `status` (live, deleted), `model`, `gen_length`, `block_length`, `seed`, "
    "`settings`",
    "branch": "`id`, `name`, `parent`, `fork_number`, `marked`, `pruned`",
    "step": "`branch`, `number`, `recipe`, `label` (the recipe in words), "
    "`by` (manual, run), `ops`, `masked` (how many are "
    "left), `ms`. An operation has `op` (commit, edit, remask, insert, delete, lock, unlock), "
    "`slot`, `pos` and, as far as they apply, `token`, `label`, `p`, `by` (hand, auto), `new` "
    "(slot ids)",
    "forward": "`branch`, `number` (of the state), `open`, `heat` (base64, one byte a position: "
    "255 times the probability of the best token; 255 where a token stands), `entropy` (mean over "
    "the open positions, nats), `ms`, `cached`",
    "staged": "`selections`, `strategy`",
    "note": "`branch`, `number`, `text`: what stands beside a state now; empty: nothing any more",
    "head": "`branch`, `number`: what is looked at",
    "run": "`id`, `status` (queued, running, stopped, done, failed), `recipe`, `branch`, `error`. "
    "Where several wait, the last such event tells of the one in front",
}
