// Types of /api/diffusion: requests and answers are those of /api/openapi.json.
// Made by `python manage.py typescript_types --write clients/unmask_client.d.ts`.

/** A result or an error for each request, in their order. */
export interface BatchAnswer {
  results: (Completed | ErrorAnswer)[];
}

/** Several generations at once. */
export interface BatchGenerate {
  requests: GenerateRequest[];
}

/** Several infillings at once. */
export interface BatchInfill {
  requests: InfillRequest[];
}

/** A result or an error for each request, in their order. */
export interface BatchInfilled {
  results: (Infilled | ErrorAnswer)[];
}

/** The workers' caches of logits; bytes. */
export interface CacheStats {
  workers: Record<string, unknown>[];
  hits: number;
  misses: number;
  hit_rate: number | null;
  bytes: number;
  budget: number;
}

/** Fit the temperature of decisions on examples whose answers are known. */
export interface Calibrate {
  request_id?: string | null;
  model?: string | null;
  places: (Choices | YesNo | Scale)[];
  name?: string;
  examples: Example[];
}

/** A calibration; `results` has `temperature`, `count`, `accuracy`, `before` and `after`, each with `error` (expected calibration error), `loss` (nats) and the `bins` of the diagram. */
export interface CalibrationAnswer {
  id: string;
  status: string;
  made: number;
  total: number;
  error: ErrorAnswer | null;
  name: string;
  model: string;
  places: Record<string, unknown>[];
  created: string;
  finished: string | null;
  results: Record<string, unknown> | null;
  url: string;
}

/** `deleted`: the id of the calibration that was forgotten. */
export interface CalibrationDeleted {
  deleted: string;
}

export interface CalibrationList {
  calibrations: CalibrationAnswer[];
}

/** The run ends after the step in the making; what was made stays. */
export interface Cancelled {
  run: string;
  status?: string;
  url: string;
}

export interface Choice {
  text: string;
  probability: number;
  logprob: number;
}

/** One of several texts. */
export interface Choices {
  kind: "choices";
  choices: string[];
}

/** A finished generation: a session of yours, whose every step can be opened at `url`. */
export interface Completed {
  text: string;
  history: string[];
  generation_time: number;
  model_used: string;
  run: string;
  url: string;
  session_id: string | null;
  finish_reason: string;
  usage: Record<string, unknown>;
  correlation_id: string;
}

/** Given choices at the gaps of a text, judged together. */
export interface DecideRequest {
  request_id?: string | null;
  model?: string | null;
  places: (Choices | YesNo | Scale)[];
  text: string;
  temperature?: number | null;
  calibration?: string | null;
  timeout?: number | null;
}

/** A distribution over the choices of each place. A choice of several tokens has the joint likelihood of its tokens, given how many they are. */
export interface Decision {
  places: PlaceAnswer[];
  model: string;
  temperature: number;
  rows: number;
  forwards: number;
}

/** A model directory under a root; `slug`: its name on the list, or empty. */
export interface Directory {
  root: string;
  folder: string;
  slug: string;
}

export interface DirectoryList {
  directories: Directory[];
}

/** A directory that is to be on the list of models. */
export interface DirectoryRequest {
  root: string;
  folder: string;
  slug: string;
}

/** A download; `status`: queued, running, done, cancelled or failed. */
export interface DownloadAnswer {
  id: string;
  repository: string;
  revision: string;
  commit: string;
  licence: string;
  status: string;
  file: string;
  bytes_done: number;
  bytes_total: number;
  error: Record<string, unknown> | null;
}

/** Those under way, oldest first, then the last that are over. */
export interface DownloadList {
  downloads: DownloadAnswer[];
  free_bytes: number;
}

/** A repository of the hub. */
export interface DownloadRequest {
  repository: string;
  revision?: string;
}

/** The one error shape. */
export interface ErrorAnswer {
  type: string;
  message: string;
  error_type: string;
  retryable: boolean;
  correlation_id: string;
  field?: string | null;
}

/** A text whose gaps have known answers. */
export interface Example {
  text: string;
  labels: string[];
}

/** Text from a prompt, or the next turn of a conversation: one of the two. */
export interface GenerateRequest {
  model?: string | null;
  max_new_tokens?: number | null;
  recipe?: string | null;
  parameters?: Record<string, boolean | number | string | null>;
  steps?: number | null;
  tokens_per_step?: number | null;
  block_length?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  seed?: number;
  stop?: string[];
  auto_trim?: boolean | null;
  fix_punctuation?: boolean | null;
  timeout?: number | null;
  detach?: boolean;
  history?: boolean;
  prompt?: string | null;
  messages?: Turn[] | null;
  special_tokens?: boolean;
}

/** Every part that a generation needs: ok, or what is wrong with it. */
export interface Health {
  status: string;
  parts: Record<string, string>;
  workers: Record<string, unknown>[];
  correlation_id: string;
}

/** A model in a worker's memory. */
export interface Held {
  model: string;
  device: string;
  bytes: number;
  seconds: number;
}

/** Text for gaps: prefix and suffix, or a text with `<gap>`, or the pieces around the gaps. */
export interface InfillRequest {
  model?: string | null;
  max_new_tokens?: number | null;
  recipe?: string | null;
  parameters?: Record<string, boolean | number | string | null>;
  steps?: number | null;
  tokens_per_step?: number | null;
  block_length?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  seed?: number;
  stop?: string[];
  auto_trim?: boolean | null;
  fix_punctuation?: boolean | null;
  timeout?: number | null;
  detach?: boolean;
  history?: boolean;
  prefix?: string | null;
  suffix?: string | null;
  text?: string | null;
  pieces?: string[] | null;
  length?: number | null;
  lengths?: (number | null)[] | null;
}

/** The same for gaps; `text` reaches from the first gap to the last one. */
export interface Infilled {
  text: string;
  history: string[];
  generation_time: number;
  model_used: string;
  run: string;
  url: string;
  session_id: string | null;
  finish_reason: string;
  usage: Record<string, unknown>;
  correlation_id: string;
  gaps: string[];
  full_text: string;
}

/** A published model that is not here. */
export interface Known {
  id: string;
  label: string;
  family: string;
  parameters: number;
  bytes: number;
  licence: string;
  device: string;
  note: string;
  source: string;
  what_to_do: string;
}

/** Something that looks like a model and is not offered. */
export interface LeftOutAnswer {
  place: string;
  name: string;
  reason: string;
}

/** Everything that is known of models here. */
export interface Library {
  models: Listed[];
  known: Known[];
  left_out: LeftOutAnswer[];
  workers: Memory[];
  servers: ServerAnswer[];
  free_bytes: number;
  may_manage: boolean;
}

/** A model that is on this machine, or answers elsewhere. */
export interface Listed {
  id: string;
  label: string;
  kind: string;
  family: string;
  place: string;
  state: string;
  error: string;
  context: number;
  lacks: string[];
}

/** A model that is in a worker's memory. */
export interface LoadAnswer {
  success: boolean;
  seconds: number;
  model: ModelAnswer;
}

/** Where a model is to run. */
export interface LoadRequest {
  device?: "auto" | "cuda" | "cpu";
}

/** A worker's memory for models. */
export interface Memory {
  worker: string;
  device: string;
  budget: number;
  used: number;
  held: Held[];
}

/** A diffusion model of the site's list. */
export interface ModelAnswer {
  id: string;
  label: string;
  family: string;
  kind: string;
  state: string;
  loaded: boolean;
  current: boolean;
  progress: number;
  device: string;
  context: number;
  parameters: number;
  bytes: number;
  trained_on: string;
  recipe: string | null;
  finds_lengths: boolean | null;
  error: string;
}

export interface ModelList {
  models: ModelAnswer[];
}

export interface PlaceAnswer {
  kind: string;
  answer: string;
  probability: number;
  choices: Choice[];
  expected?: number | null;
}

/** Whole numbers from `low` to `high`. */
export interface Scale {
  kind: "scale";
  low: number;
  high: number;
}

/** A declared server elsewhere. */
export interface ServerAnswer {
  name: string;
  label: string;
  models: number;
  error: string;
}

/** What the service offers, and what holds where a request says nothing. */
export interface ServiceConfig {
  enabled: boolean;
  default_model: string | null;
  devices: string[];
  defaults: Record<string, unknown>;
  limits: Record<string, Record<string, unknown>>;
  recipes: Record<string, unknown>[];
  stream_rate: string;
  heartbeat_seconds: number;
}

/** Your generations by status, and their durations in seconds by model. */
export interface ServiceMetrics {
  generations: Record<string, number>;
  durations: Record<string, unknown>[];
  streams: Record<string, unknown>[];
  workers: number;
}

/** One turn of a conversation. */
export interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface UnloadAnswer {
  success: boolean;
  model: ModelAnswer;
}

/** A question that is answered by one of two words. */
export interface YesNo {
  kind: "yes_no";
  yes?: string;
  no?: string;
}

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
