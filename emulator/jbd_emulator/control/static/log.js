// The traffic: words beside bytes, and with each answer why, and how well that is known.

import { make } from "./view.js";

const MOST = 400;
const DIRECTIONS = { rx: "request", tx: "answer", silence: "silence", fault: "mark" };

export class Log {
  constructor(box, find, pause) {
    this.box = box;
    this.find = find;
    this.pause = pause;
    this.entries = [];
    find.addEventListener("input", () => this.redraw());
    pause.addEventListener("click", () => {
      const paused = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", paused);
      if (!paused) this.redraw();
    });
    this.redraw();
  }

  get paused() {
    return this.pause.getAttribute("aria-pressed") === "true";
  }

  clear() {
    this.entries = [];
    this.redraw();
  }

  add(entries) {
    const newest = this.entries.length ? this.entries.at(-1).n : -1;
    const fresh = entries.filter((entry) => entry.n > newest);
    this.entries.push(...fresh);
    if (this.entries.length > MOST) this.entries.splice(0, this.entries.length - MOST);
    if (this.paused || !fresh.length) return;
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
    this.box.querySelector(".empty")?.remove();
    this.box.append(...fresh.filter((entry) => this.wanted(entry)).map(show));
    while (this.box.children.length > MOST) this.box.firstChild.remove();
    if (atEnd) this.box.scrollTop = this.box.scrollHeight;
  }

  wanted(entry) {
    const word = this.find.value.trim().toLowerCase();
    return !word || `${entry.words} ${entry.hex} ${entry.line} ${DIRECTIONS[entry.dir]} ${entry.grade ?? ""} ${entry.why ?? ""}`.toLowerCase().includes(word);
  }

  redraw() {
    const rows = this.entries.filter((entry) => this.wanted(entry)).map(show);
    const why = this.entries.length ? "Nothing that matches." : "Nothing has passed yet. A client that opens the port shows here.";
    this.box.replaceChildren(...(rows.length ? rows : [make("p", { class: "empty", text: why })]));
    this.box.scrollTop = this.box.scrollHeight;
  }
}

function clock(t) {
  const m = Math.floor(t / 60);
  return `${m}:${(t - 60 * m).toFixed(3).padStart(6, "0")}`;
}

function show(entry) {
  const row = make("div", { class: `entry ${entry.dir}`, "data-n": entry.n },
    make("time", { text: clock(entry.t_s) }),
    make("span", { class: "dir", text: DIRECTIONS[entry.dir] }),
    make("span", { class: "words", text: entry.words }),
    make("span", { class: "line", text: entry.line }));
  if (entry.hex) row.append(make("code", { class: "bytes", text: entry.hex }));
  if (entry.why) {
    row.append(make("span", { class: "why" },
      make("span", { class: `grade ${entry.grade.replace(" ", "-")}`, text: entry.grade, title: entry.source }), ` ${entry.why} `, make("span", { class: "source", text: `(${entry.source})` })));
  }
  return row;
}
