// The hands on the bench: sliders, forms, buttons. Each sends one request and shows its answer.

import { duration, make } from "./view.js";

const $ = (id) => document.getElementById(id);
const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const MOST_A = 200;

// A slider that is fine where currents are small: the square of its place.
const toAmps = (place) => {
  const a = (place / 200) ** 2 * MOST_A;
  return a < 10 ? Math.round(a * 10) / 10 : Math.round(a);
};
const toPlace = (ma) => Math.round(Math.sqrt(Math.min(MOST_A, ma / 1000) / MOST_A) * 200);
const shownAmps = (a) => (a ? `${a} A` : "off");

function slider(input, output, shown, send) {
  input.addEventListener("input", () => {
    input.held = true; // not by :active, which a finger does not always make
    output.textContent = shown(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  });
  input.addEventListener("change", async () => {
    // Until the answer has come, states on their way are older than what was chosen.
    input.waits = (input.waits ?? 0) + 1;
    await send(Number(input.value));
    input.waits -= 1;
  });
  for (const end of ["change", "pointerup", "pointercancel", "touchend", "blur"]) {
    input.addEventListener(end, () => (input.held = false));
  }
  input.form.addEventListener("submit", (event) => event.preventDefault());
}

function put(input, output, value, shown) {
  if (input.held || input.waits) return;
  input.value = value;
  output.textContent = shown;
  input.setAttribute("aria-valuetext", shown);
}

function submit(form, send) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}

export function wire(tell) {
  slider($("speed"), $("speed-out"), (n) => `×${SPEEDS[n]}`, (n) => tell("PUT", "/speed", { speed: SPEEDS[n] }));
  slider($("load"), $("load-out"), (n) => shownAmps(toAmps(n)), (n) => tell("PUT", "/load", { current_ma: toAmps(n) * 1000 }));
  const charge = () => tell("PUT", "/charger", { voltage_mv: Math.round(Number($("charge-v").value) * 1000), current_ma: toAmps(Number($("charge-a").value)) * 1000 });
  slider($("charge-a"), $("charge-out"), (n) => shownAmps(toAmps(n)), charge);
  $("charge-v").addEventListener("change", charge);
  slider($("ambient"), $("ambient-out"), (n) => `${n} °C`, (n) => tell("PUT", "/ambient", { celsius: n }));
  for (const button of document.querySelectorAll("[data-post]")) {
    button.addEventListener("click", () => {
      if (!button.dataset.ask || confirm(button.dataset.ask)) tell("POST", `/${button.dataset.post}`);
    });
  }
  $("plug").addEventListener("click", () => tell("PUT", "/cable", { plugged: !current.plugged }));
  $("fet-charge").addEventListener("change", () => tell("PATCH", "/fets", { charge: $("fet-charge").checked }));
  $("fet-discharge").addEventListener("change", () => tell("PATCH", "/fets", { discharge: $("fet-discharge").checked }));
  submit($("firmware-form"), () => tell("PUT", "/firmware", { version: $("firmware").value }));
  submit($("pin-form"), async () => {
    if (await tell("PUT", "/pin", { digits: $("pin").value })) $("pin").value = "";
  });
  $("pin-clear").addEventListener("click", () => tell("PUT", "/pin", { digits: null }));
  submit($("scenario-form"), () => tell("PUT", "/scenario", { name: $("scenario").value }));
  $("scenario-end").addEventListener("click", () => tell("DELETE", "/scenario"));
  wireCells(tell);
}

function wireCells(tell) {
  const dialog = $("cell-ask");
  let number = 0;
  $("cells").addEventListener("click", (event) => {
    const button = event.target.closest("[data-cell]");
    if (!button) return;
    number = Number(button.dataset.cell);
    $("cell-ask-title").textContent = `Cell ${number}`;
    for (const id of ["cell-mv", "cell-soc", "cell-leak"]) $(id).value = "";
    const cell = current?.pack.cells[number - 1];
    if (cell) {
      $("cell-mv").placeholder = cell.mv;
      $("cell-soc").placeholder = cell.soc.toFixed(1);
      $("cell-leak").placeholder = cell.leak_ma;
    }
    dialog.returnValue = "cancel";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "release") tell("PATCH", `/cells/${number}`, { held_mv: null });
    if (dialog.returnValue !== "ok") return;
    const change = {};
    for (const [id, name] of [["cell-mv", "held_mv"], ["cell-soc", "soc"], ["cell-leak", "leak_ma"]]) {
      if ($(id).value !== "") change[name] = Number($(id).value);
    }
    if (Object.keys(change).length) tell("PATCH", `/cells/${number}`, change);
  });
}

let current = null;
let shownFirmware = null;
let shownBoard = null;

export function show(state) {
  current = state;
  const nearest = SPEEDS.reduce((best, one, n) => (Math.abs(one - state.clock.speed) < Math.abs(SPEEDS[best] - state.clock.speed) ? n : best), 0);
  put($("speed"), $("speed-out"), nearest, `×${state.clock.speed}`);
  const { load_ma: load, charger, ambient_celsius: air } = state.pack;
  put($("load"), $("load-out"), toPlace(load), shownAmps(load / 1000));
  put($("charge-a"), $("charge-out"), charger ? toPlace(charger.current_ma) : 0, shownAmps(charger ? charger.current_ma / 1000 : 0));
  if (shownBoard !== `${state.name} ${state.cells}`) {
    shownBoard = `${state.name} ${state.cells}`; // another one: its charger has another voltage
    $("charge-v").value = "";
  }
  if (document.activeElement !== $("charge-v")) {
    if (charger) $("charge-v").value = charger.voltage_mv / 1000;
    else if (!$("charge-v").value) $("charge-v").value = (state.limits.povp_mv / 1000 - 0.4).toFixed(1);
  }
  put($("ambient"), $("ambient-out"), Math.round(air), `${air.toFixed(0)} °C`);
  $("plug").classList.toggle("out", !state.plugged);
  $("plug").textContent = state.plugged ? "Unplug" : "Plug in";
  $("fet-charge").checked = !state.fets.charge_locked;
  $("fet-discharge").checked = !state.fets.discharge_locked;
  if (shownFirmware !== state.firmware) {
    shownFirmware = state.firmware;
    $("firmware").value = state.firmware;
  }
  const pin = state.pin;
  $("firmware-note").textContent = pin.function ? `password function: ${pin.grade}` : `no password function: ${pin.grade}`;
  $("firmware-note").title = pin.source;
  const stored = pin.set ? `stored: ${pin.digits ?? pin.hex}` : "none stored";
  $("pin-note").textContent = stored + (pin.set && !pin.function ? ", which this firmware never looks at" : pin.locked ? ", not presented: settings are closed" : "");
  const told = state.scenario;
  $("scenario-end").hidden = !told;
  $("scenario-note").textContent = told ? `${told.name}: ${told.happened} of ${told.events} events${told.next ? `, next ${told.next.do} ${told.next.at_s > told.time_s ? `in ${duration(told.next.at_s - told.time_s)}` : "now"}` : ""}` : $("scenario").selectedOptions[0]?.title ?? "";
}

export function fill(firmwares, scenarios) {
  $("firmware").replaceChildren(...firmwares.map((one) => make("option", { value: one.version, text: `${one.version} · ${one.title}` })));
  $("scenario").replaceChildren(...scenarios.map((one) => make("option", { value: one.name, text: one.name, title: one.title })));
}
