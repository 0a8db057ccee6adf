// Named settings: used, saved and deleted without leaving the page. They live with the account.
import * as settings from "./settings.js";
import { toast } from "./toasts.js";

const form = document.querySelector("#settings");
let known = JSON.parse(document.querySelector("#preset-values").textContent);

function option(name) {
  const made = document.createElement("option");
  made.textContent = name;
  return made;
}

/** The list after a change. The first preset ever needs the server's fieldset: the page is reloaded. */
function relist(presets, chosen) {
  const select = form.elements.preset;
  known = Object.fromEntries(presets.map((preset) => [preset.name, preset.values]));
  if (!select || !presets.length) return location.reload();
  select.replaceChildren(...presets.map((preset) => option(preset.name)));
  if (chosen) select.value = chosen;
  return undefined;
}

async function save(page) {
  const name = form.elements.preset_name.value.trim();
  if (!name) return form.elements.preset_name.focus();
  if (!settings.valid()) return undefined;
  const reply = await page.commands.send({ type: "save_preset", name, values: settings.all() });
  if (!reply) return undefined;
  form.elements.preset_name.value = "";
  toast("good", `Saved as “${name}”.`);
  return relist(reply.presets, name);
}

async function remove(page) {
  const name = form.elements.preset.value;
  const values = known[name];
  const reply = await page.commands.send({ type: "delete_preset", name });
  if (!reply) return;
  const undo = async () => relist((await page.commands.send({ type: "save_preset", name, values })).presets, name);
  toast("info", `“${name}” was deleted.`, { action: { label: "Undo", run: undo } });
  relist(reply.presets);
}

function apply() {
  const name = form.elements.preset.value;
  settings.fill(known[name] ?? {});
  toast("good", `Now with the settings of “${name}”.`);
}

const DO = { save, delete: remove, apply };

export const presetDo = (page, what) => DO[what](page);
