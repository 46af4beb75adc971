// What a state looks like.

const $ = (id) => document.getElementById(id);
const SCALE = [2000, 4000]; // mV; from below where a LiFePO4 cell is cut off to above where it is

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Draw rows anew, but only what differs: what has the focus, or is being selected, stays.
export function renew(box, rows) {
  const wanted = new Set(rows.map((row) => row.dataset.key));
  for (const old of [...box.children]) if (!wanted.has(old.dataset.key)) old.remove();
  rows.forEach((row, n) => {
    const old = box.children[n];
    if (!old) box.append(row);
    else if (old.isEqualNode(row)) return;
    else if (alike(old, row)) renew(old, [...row.children]);
    else old.replaceWith(row);
  });
  while (box.children.length > rows.length) box.lastElementChild.remove();
}

function alike(old, row) {
  const bare = (one) => one.cloneNode(false);
  return bare(old).isEqualNode(bare(row)) && old.children.length === row.children.length && row.children.length > 0 &&
    [old, row].every((one) => one.childNodes.length === one.children.length);
}

function figure(id, value, unit) {
  $(id).replaceChildren(value, make("small", { text: unit }));
}

const amps = (ma) => (Math.abs(ma) < 10000 ? (ma / 1000).toFixed(2) : (ma / 1000).toFixed(1));
const minus = (text) => text.replace("-", "−");
const place = (mv) => Math.min(100, Math.max(0, ((mv - SCALE[0]) / (SCALE[1] - SCALE[0])) * 100));

export function duration(seconds) {
  const s = Math.floor(seconds);
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min ${s % 60} s` : `${s} s`;
}

export function showState(state) {
  const pack = state.pack;
  $("identity").textContent = `firmware ${state.firmware} · ${state.title} · ${state.board_name}`;
  $("identity").title = Object.entries(state.ports).map(([kind, where]) => `${kind} ${where}`).join("\n");
  showBadges(state);
  figure("pack-v", (pack.mv / 1000).toFixed(2), "V");
  $("pack-sub").textContent = `${(pack.full_mah / 1000).toFixed(0)} Ah · ${pack.cycles} cycles · ${duration(state.clock.pack_s)} lived`;
  figure("current", minus(amps(pack.current_ma)), "A");
  $("power").textContent = pack.current_ma === 0 ? "idle" : `${pack.current_ma > 0 ? "charging" : "discharging"} ${Math.abs((pack.mv * pack.current_ma) / 1e6).toFixed(0)} W`;
  figure("soc-b", String(pack.soc_believed), "%");
  figure("soc-t", pack.soc_true.toFixed(1), "%");
  $("socbar").querySelector(".believed").style.width = `${pack.soc_believed}%`;
  $("socbar").querySelector(".truth").style.left = `${Math.min(100, Math.max(0, pack.soc_true))}%`;
  $("socbar").setAttribute("aria-label", `state of charge: the board believes ${pack.soc_believed} %, true is ${pack.soc_true.toFixed(1)} %`);
  showFets(state.fets);
  renew($("temps"), [
    ...pack.ntcs.map((ntc) => row(`NTC ${ntc.number}`, ntc.state === "ok" ? `${ntc.celsius.toFixed(1)} °C` : ntc.state)),
    row("air", `${pack.ambient_celsius.toFixed(1)} °C`),
  ]);
  showCells(pack.cells, state.limits);
  showProtections(state.protections);
  renew($("counters"), Object.entries(state.counters).map(([name, count]) => make("div", {}, make("dt", { text: name.replace("_err_cnt", "").replace("_cnt", "s") }), make("dd", { text: count }))));
  renew($("links"), state.links.map(link));
}

function row(name, value) {
  return make("div", {}, make("span", { text: name }), make("span", { text: value }));
}

function link(one) {
  const count = one.bytes_in === null ? "" : ` · ${one.bytes_in} bytes in, ${one.bytes_out} out`;
  const clients = one.clients.length ? ` · ${one.clients.length} connected: ${one.clients.join(", ")}` : "";
  return make("li", {}, make("span", { text: `${one.kind} ` }), make("span", { class: "address", text: one.address || "away" }), make("span", { text: `${count}${clients}${one.lost ? ` · ${one.lost} lost` : ""}` }));
}

function showBadges(state) {
  const badges = [];
  const badge = (text, kind = "") => badges.push(make("span", { class: `badge ${kind}`, text }));
  badge({ asleep: "asleep", normal: "normal mode", factory: "factory mode" }[state.mode], { asleep: "cool", normal: "good", factory: "warm" }[state.mode]);
  if (!state.plugged) badge("unplugged", "bad");
  if (state.pin.locked) badge("PIN not presented", "warm");
  if (state.clock.speed > 1) badge(`×${state.clock.speed}${state.clock.behind ? ", machine too slow" : ""}`, state.clock.behind ? "warm" : "cool");
  if (state.scenario) badge(`scenario ${state.scenario.name}`, "cool");
  if (state.faults && state.faults.length) badge(`${state.faults.length} fault${state.faults.length > 1 ? "s" : ""}`, "bad");
  renew($("badges"), badges);
}

function showFets(fets) {
  const lamp = (name, on, locked) => make("div", { class: `lamp ${on ? "on" : ""}`, text: `${name} ${on ? "on" : "off"}${locked ? ", locked" : ""}` });
  renew($("fets"), [lamp("charge", fets.charge, fets.charge_locked), lamp("discharge", fets.discharge, fets.discharge_locked)]);
}

function showCells(cells, limits) {
  const box = $("cells");
  if (box.children.length !== cells.length) {
    box.replaceChildren(...cells.map((cell) => make("div", { role: "listitem" }, make("button", { class: "cell", "data-cell": cell.number, type: "button" },
      make("span", { class: "mv" }), make("span", { class: "tube" }, make("i"), make("b", { class: "covp" }), make("b", { class: "bal" }), make("b", { class: "cuvp" })), make("span", { class: "n" })))));
  }
  cells.forEach((cell, index) => {
    const button = box.children[index].firstChild;
    const tube = button.querySelector(".tube");
    button.className = "cell" + (cell.bled ? " bled" : "") + (cell.held_mv === null ? "" : " held") + (cell.mv >= limits.covp_mv ? " over" : "") + (cell.mv <= limits.cuvp_mv ? " under" : "");
    button.querySelector(".mv").textContent = (cell.mv / 1000).toFixed(3);
    button.querySelector(".n").textContent = cell.number;
    tube.querySelector("i").style.height = `${place(cell.mv)}%`;
    tube.querySelector(".covp").style.bottom = `${place(limits.covp_mv)}%`;
    tube.querySelector(".bal").style.bottom = `${place(limits.balance_mv)}%`;
    tube.querySelector(".cuvp").style.bottom = `${place(limits.cuvp_mv)}%`;
    button.setAttribute("aria-label", `Cell ${cell.number}: ${(cell.mv / 1000).toFixed(3)} V, true charge ${cell.soc.toFixed(1)} %, ${cell.celsius} °C${cell.bled ? ", balancing" : ""}${cell.held_mv === null ? "" : ", held"}`);
    button.title = `cell ${cell.number}: ${cell.soc.toFixed(1)} %, ${cell.celsius.toFixed(1)} °C, ${(cell.capacity_mah / 1000).toFixed(1)} Ah`;
  });
  const mv = cells.map((cell) => cell.mv);
  $("spread").textContent = `${(Math.min(...mv) / 1000).toFixed(3)} to ${(Math.max(...mv) / 1000).toFixed(3)} V, spread ${Math.max(...mv) - Math.min(...mv)} mV`;
}

const PROTECTIONS = {
  covp: "cell over-voltage", cuvp: "cell under-voltage", povp: "pack over-voltage", puvp: "pack under-voltage",
  chgot: "charge over-temperature", chgut: "charge under-temperature", dsgot: "discharge over-temperature", dsgut: "discharge under-temperature",
  chgoc: "charge over-current", dsgoc: "discharge over-current", sc: "short circuit", afe: "front-end error", software: "software lock of a FET",
};

function showProtections(protections) {
  renew($("protections"), protections.map((one) => make("li", { class: `lamp ${one.state}` },
    make("abbr", { title: PROTECTIONS[one.name] ?? one.name, text: one.name }), make("span", { class: "sub", text: one.state === "clear" ? "" : one.state }))));
}
