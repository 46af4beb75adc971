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
    await tell("PATCH", "/settings", { [input.dataset.field]: input.type === "text" ? input.value : Number(input.value) });
    show(await load()); // what the board holds now, also where it refused
  });
}

function show(settings) {
  if (!settings) return;
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
