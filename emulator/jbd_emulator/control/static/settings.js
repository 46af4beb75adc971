// The settings as a list that is searched, and changed one by one.

import { make } from "./view.js";

const $ = (id) => document.getElementById(id);
const PERIOD_MS = 2000;

export function wireSettings(load, tell) {
  // What is shown is the board's, also after a client, a scenario or another unit has come.
  const look = async () => {
    if ($("settings-box").open && !document.hidden) show(await load().catch(() => null));
  };
  $("settings-box").addEventListener("toggle", look);
  setInterval(look, PERIOD_MS);
  $("setting-find").addEventListener("input", filter);
  $("settings-form").addEventListener("submit", (event) => event.preventDefault());
  $("settings").addEventListener("change", async (event) => {
    const input = event.target.closest("input[data-field]");
    if (!input) return;
    if (input.type === "number" && input.value === "") { // emptied, or no number: not a zero
      input.value = input.defaultValue;
      return;
    }
    await tell("PATCH", "/settings", { [input.dataset.field]: input.type === "text" ? input.value : Number(input.value) });
    show(await load().catch(() => null), input); // what the board holds now, also where it refused
  });
}

function isShown(setting, field) {
  if (field.name === "text_length") return false;
  return typeof field.value === "number" || (field.name === setting.name && typeof field.value === "string" && setting.register >= "0xA0");
}

function show(settings, changed = null) {
  if (!settings) return;
  const shown = settings.flatMap((setting) => setting.fields.filter((field) => isShown(setting, field)));
  const held = new Map(shown.map((field) => [`setting-${field.name}`, field.value]));
  const inputs = [...$("settings").querySelectorAll("input")];
  if (inputs.length === held.size && inputs.every((input) => held.has(input.id))) {
    // The same settings: rows stay, so that whoever goes through them by keyboard keeps the place.
    for (const input of inputs) {
      if (input === changed || input !== document.activeElement) input.value = held.get(input.id);
      input.defaultValue = held.get(input.id);
    }
    return;
  }
  const rows = [];
  for (const setting of settings) {
    for (const field of setting.fields) {
      if (!isShown(setting, field)) continue;
      const text = typeof field.value === "string";
      const id = `setting-${field.name}`;
      rows.push(make("div", { class: "setting", "data-words": `${field.name} ${setting.title} ${setting.register}`.toLowerCase() },
        make("label", { for: id, title: `${setting.register}, ${setting.grade}: ${setting.source}` }, field.name, make("span", { class: "sub", text: ` ${setting.title}` })),
        make("input", { id, "data-field": field.name, type: text ? "text" : "number", value: field.value, autocomplete: "off" }),
        make("span", { class: "sub", text: field.unit })));
    }
  }
  $("settings").replaceChildren(...rows);
  filter();
}

function filter() {
  const word = $("setting-find").value.trim().toLowerCase();
  for (const row of $("settings").children) row.hidden = Boolean(word) && !row.dataset.words.includes(word);
}
