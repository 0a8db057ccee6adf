// A run of one's own: the steps of a generation as server-sent events of /api/diffusion.
import { at } from "../addresses.js";

/** The events in a text that ends at a border, and what is left over. */
export function framesOf(text) {
  const parts = text.split("\n\n");
  const rest = parts.pop();
  const frames = parts.map((part) =>
    part
      .split("\n")
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trim())
      .join("\n"),
  );
  return {
    frames: frames.filter((one) => one.startsWith("{")).map((one) => JSON.parse(one)),
    rest,
  };
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel();
  }
}

function headers() {
  const own = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  return { "Content-Type": "application/json", ...own };
}

/** Frames of a run with this request, as they come. Throws an Error with words for people. */
export async function* generation(request, signal) {
  const body = JSON.stringify(request);
  const url = at("/api/diffusion/generate/stream");
  const response = await fetch(url, { method: "POST", headers: headers(), body, signal });
  if (!response.ok) throw new Error((await response.json()).message);
  let held = "";
  for await (const text of texts(response.body)) {
    const { frames, rest } = framesOf(held + text.replaceAll("\r\n", "\n"));
    held = rest;
    for (const frame of frames) {
      if (frame.type === "error") throw new Error(frame.message);
      yield frame;
    }
  }
}
