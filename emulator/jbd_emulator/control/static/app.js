// The page: one unit at a time, alive.

import { call, listen, Refused, save, setToken, takeToken } from "./api.js";
import { fill, show as showBench, wire } from "./bench.js";
import { fillFaults, showFaults, wireFaults } from "./faults.js";
import { Log } from "./log.js";
import { Plot } from "./plot.js";
import { wireSettings } from "./settings.js";
import { make, showState } from "./view.js";

const $ = (id) => document.getElementById(id);
const log = new Log($("log"), $("traffic-find"), $("pause"));
const plot = new Plot($("plot"), $("plot-key"));
let unit = null;
let stream = null;
let born = null; // when the process began whose rows the traffic shows

const path = (rest = "") => `/units/${encodeURIComponent(unit)}${rest}`;

function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.classList.add("show");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("show"), 5000);
}

function live(kind, text) {
  $("live").className = `live ${kind}`;
  $("live-text").textContent = text;
}

async function tell(method, rest, body) {
  try {
    const answer = await call(method, path(rest), body);
    show(answer.pack ? answer : await call("GET", path()));
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

function show(state) {
  if (!state || state.name !== unit) return;
  showState(state);
  showBench(state);
  showFaults(state);
  if ($("main").hidden) {
    $("main").hidden = false;
    log.redraw(); // it could not scroll while it was not there
  }
}

function onEvent(name, data) {
  if (name === "state") {
    show(data);
    plot.add(data);
    live("on", "live");
  } else if (name === "traffic") log.add(data.entries);
  else if (name === "missed") toast("This page was too slow and missed some traffic; the download has it.");
  else if (name === "away") live("off", data.detail);
}

async function follow() {
  stream?.abort();
  const mine = (stream = new AbortController());
  born = null;
  for (let wait = 500; !mine.signal.aborted; wait = Math.min(8000, wait * 2)) {
    try {
      const { started, units } = await call("GET", "/");
      if (!units.some((one) => one.name === unit)) return start(); // others are served there now
      if (born !== started) {
        born = started; // its rows and its times begin anew
        log.clear();
        plot.clear();
      }
      // The last rows, not all of them: what is older can be downloaded.
      const { traffic } = await call("GET", path());
      log.add((await call("GET", path(`/traffic?limit=300&since=${Math.max(0, traffic.next - 200)}`))).entries);
      await listen(path("/events"), mine.signal, (name, data) => {
        wait = 500;
        onEvent(name, data);
      });
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && error.status === 401) await askToken();
    }
    live("off", "connection lost, trying again");
    await new Promise((done) => setTimeout(done, wait));
  }
}

function askToken() {
  const dialog = $("token-ask");
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      setToken($("token").value);
      done();
    }, { once: true });
  });
}

async function start() {
  takeToken();
  for (;;) {
    try {
      const { units } = await call("GET", "/");
      const [firmwares, scenarios, kinds] = await Promise.all([call("GET", "/firmwares"), call("GET", "/scenarios"), call("GET", "/fault-kinds")]);
      fill(firmwares, scenarios);
      fillFaults(kinds);
      $("unit").replaceChildren(...units.map((one) => make("option", { value: one.name, text: one.name })));
      $("unit").parentElement.hidden = units.length < 2;
      const wanted = new URLSearchParams(location.search).get("unit");
      unit = units.some((one) => one.name === wanted) ? wanted : units[0].name;
      $("unit").value = unit;
      document.title = `${unit} · jbd-emulator`;
      follow();
      return;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) await askToken();
      else {
        live("off", error.message);
        await new Promise((done) => setTimeout(done, 2000));
      }
    }
  }
}

$("unit").addEventListener("change", () => {
  unit = $("unit").value;
  history.replaceState(null, "", `?unit=${encodeURIComponent(unit)}`);
  document.title = `${unit} · jbd-emulator`;
  $("settings").replaceChildren();
  follow();
});
$("forget").addEventListener("click", async () => {
  if (await tell("DELETE", "/traffic")) log.clear();
});
$("download").addEventListener("click", () => save(path("/traffic.jsonl"), `${unit}-traffic.jsonl`).catch((error) => toast(error.message)));
wire(tell);
wireFaults(tell);
wireSettings(async () => {
  const asked = unit;
  const { settings } = await call("GET", path("/settings"));
  return asked === unit ? settings : null; // of one that is no longer shown
}, tell);
start();
