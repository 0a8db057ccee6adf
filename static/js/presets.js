// Named settings: used, saved and deleted without leaving the page. They live with the account.
import { element } from "./dom.js";
import { toast } from "./toasts.js";

export class Presets {
  /** `known`: name → values; `commands()`: where commands are sent to. */
  constructor(settings, known, commands) {
    Object.assign(this, { settings, known, commands, fields: settings.fields });
  }

  do(what) {
    return { save: () => this.save(), delete: () => this.delete(), apply: () => this.apply() }[
      what
    ]();
  }

  /** The list after a change. The first preset needs the server's fieldset: a reload. */
  list(presets, chosen) {
    const select = this.fields.preset;
    this.known = Object.fromEntries(presets.map((preset) => [preset.name, preset.values]));
    if (!select || !presets.length) return location.reload();
    select.replaceChildren(...presets.map((preset) => element("option", preset.name)));
    if (chosen) select.value = chosen;
    return undefined;
  }

  async save() {
    const box = this.fields.preset_name;
    const name = box.value.trim();
    if (!name) return box.focus();
    if (!this.settings.valid()) return undefined;
    const reply = await this.store(name, this.settings.all());
    if (!reply) return undefined;
    box.value = "";
    toast("good", `Saved as “${name}”.`);
    return this.list(reply.presets, name);
  }

  store(name, values) {
    return this.commands().send({ type: "save_preset", name, values });
  }

  async delete() {
    const name = this.fields.preset.value;
    const values = this.known[name];
    const reply = await this.commands().send({ type: "delete_preset", name });
    if (!reply) return;
    const undo = async () => {
      const back = await this.store(name, values);
      if (back) this.list(back.presets, name);
    };
    toast("info", `“${name}” was deleted.`, { action: { label: "Undo", run: undo } });
    this.list(reply.presets);
  }

  apply() {
    const name = this.fields.preset.value;
    this.settings.fill(this.known[name] ?? {});
    toast("good", `Now with the settings of “${name}”.`);
  }
}
