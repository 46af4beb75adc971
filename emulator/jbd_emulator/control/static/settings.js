// The settings as a list that is searched, and changed one by one.

import { make } from "./view.js";

const $ = (id) => document.getElementById(id);

export function wireSettings(load, tell) {
  $("settings-box").addEventListener("toggle", async () => {
    if ($("settings-box").open) show(await load());
  });
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
    show(await load(), input); // what the board holds now, also where it refused
  });
}

function show(settings, changed = null) {
  if (!settings) return;
  const held = new Map(settings.flatMap((setting) => setting.fields.map((field) => [`setting-${field.name}`, field.value])));
  const inputs = [...$("settings").querySelectorAll("input")];
  if (inputs.length && inputs.every((input) => held.has(input.id))) {
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
      const number = typeof field.value === "number";
      const text = field.name === setting.name && typeof field.value === "string" && setting.register >= "0xA0";
      if (field.name === "text_length" || (!number && !text)) continue;
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
