// Faults: a form made from the emulator's own table of kinds, and what is active.

import { make, renew } from "./view.js";

const $ = (id) => document.getElementById(id);
const SCOPES = { wire: "on the wire", answer: "in the answer", board: "in the board", link: "on the link" };
let table = null;

export function fillFaults(kinds) {
  table = kinds;
  const groups = Object.entries(SCOPES).map(([scope, title]) => {
    const inside = kinds.kinds.filter((kind) => kind.scope === scope);
    return make("optgroup", { label: title }, ...inside.map((kind) => make("option", { value: kind.name, text: kind.name.replaceAll("_", " ") })));
  });
  $("fault-kind").replaceChildren(...groups);
  $("fault-kind").value = "wrong_checksum";
  showFields();
}

export function wireFaults(tell) {
  $("fault-kind").addEventListener("change", showFields);
  $("faults-clear").addEventListener("click", () => tell("DELETE", "/faults"));
  $("fault-form").addEventListener("submit", (event) => {
    event.preventDefault();
    tell("POST", "/faults", given());
  });
  $("faults").addEventListener("click", (event) => {
    const button = event.target.closest("[data-fault]");
    if (!button) return;
    // The button goes with its fault; whoever came by keyboard goes on with the one beside it.
    const row = button.closest("li");
    ((row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button") ?? $("faults-clear")).focus();
    tell("DELETE", `/faults/${encodeURIComponent(button.dataset.fault)}`);
  });
}

const kindNow = () => table.kinds.find((kind) => kind.name === $("fault-kind").value);

function showFields() {
  const kind = kindNow();
  $("fault-about").textContent = kind.about + (kind.evidence ? ` (${kind.evidence.grade})` : "");
  const common = kind.scope === "link" ? ["end", "heals_after_s"] : ["direction", "register", "nth", "times", "p"];
  const here = (field) => common.includes(field.name);
  const draw = (fields) => fields.map((field) => control(field, kind));
  $("fault-fields").replaceChildren(...draw([...kind.fields, ...table.where.filter(here)]));
  $("fault-more").replaceChildren(...draw(table.where.filter((field) => !here(field))));
}

function control(field, kind) {
  const title = `${field.about}${field.unit ? `, ${field.unit}` : ""}`;
  const name = field.name.replace(/_s$/, "").replaceAll("_", " ") + (field.unit ? ` (${field.unit})` : "");
  const choices = field.name === "direction" ? kind.directions : field.type === "flag" ? ["true", "false"] : field.choices;
  let input;
  if (choices.length) {
    input = make("select", { "data-field": field.name, "data-type": field.type }, ...choices.map((one) => make("option", { value: one, text: one })));
    if (field.default !== null && field.name !== "direction") input.value = String(field.default);
  } else {
    const hint = { register: "any", bytes: "hex", whole: "", number: "", text: "" }[field.type];
    const shown = field.default === null || field.default === "" ? hint || "open" : String(field.default);
    input = make("input", { "data-field": field.name, "data-type": field.type, placeholder: shown, autocomplete: "off", inputmode: (field.type === "whole" || field.type === "number") && field.low >= 0 ? "decimal" : null });
  }
  return make("label", { title }, name, input);
}

function given() {
  const body = { kind: $("fault-kind").value };
  for (const input of $("fault-form").querySelectorAll("[data-field]")) {
    if (input.value === "") continue;
    const type = input.dataset.type;
    if (type === "whole" || type === "number") body[input.dataset.field] = number(input.value);
    else if (type === "flag") body[input.dataset.field] = input.value === "true";
    else if (type === "register") body[input.dataset.field] = input.value.startsWith("0x") ? input.value : `0x${input.value}`;
    else body[input.dataset.field] = input.value;
  }
  return body;
}

// What is no number goes as it was typed: the answer names the field and its limit.
function number(text) {
  const value = Number(text.trim().replace(",", "."));
  return Number.isFinite(value) ? value : text;
}

export function showFaults(state) {
  const faults = state.faults ?? [];
  const rows = faults.map((fault) => {
    const { id, kind, hits, seen, healed, ...rest } = fault;
    const where = Object.entries(rest).map(([name, value]) => `${name} ${name === "register" ? `0x${Number(value).toString(16).padStart(2, "0")}` : value}`).join(", ");
    return make("li", { "data-key": id }, make("span", { class: "what" }, make("strong", { text: id }), where ? ` ${where}` : ""),
      make("span", { class: "hits", text: `${hits} hit${hits === 1 ? "" : "s"}` }),
      make("button", { class: "quiet", "data-fault": id, type: "button", "aria-label": `Heal ${id}`, text: "Heal" }));
  });
  renew($("faults"), rows);
}
