// The last minutes as curves: pack voltage, current, temperature of the first probe.

const SVG = "http://www.w3.org/2000/svg";
const MOST = 1200;

export class Plot {
  constructor(svg, key) {
    this.svg = svg;
    this.key = key;
    this.points = [];
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  clear() {
    this.points = [];
    this.draw();
  }

  add(state) {
    // Started over, or in a scenario: another pack, whose time begins anew.
    if (this.points.length && state.clock.pack_s < this.points.at(-1).s) this.points = [];
    const ntc = state.pack.ntcs.find((one) => one.state === "ok");
    this.points.push({ s: state.clock.pack_s, v: state.pack.mv / 1000, a: state.pack.current_ma / 1000, t: ntc ? ntc.celsius : null });
    if (this.points.length > MOST) this.points.splice(0, this.points.length - MOST);
    this.draw();
  }

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (width < 40 || this.points.length < 2) {
      this.svg.replaceChildren(text(12, 24, this.points.length < 2 ? "two measurements make a curve" : ""));
      return;
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const [left, right, top, bottom] = [46, width - 46, 8, height - 22];
    const [first, last] = [this.points[0].s, this.points.at(-1).s];
    const x = (s) => left + ((right - left) * (s - first)) / Math.max(1e-9, last - first);
    const parts = [];
    const v = range(this.points.map((p) => p.v), 0.05);
    const a = range(this.points.map((p) => p.a), 1, true);
    for (let step = 0; step <= 3; step += 1) {
      const y = bottom - ((bottom - top) * step) / 3;
      parts.push(line(left, y, right, y), text(left - 7, y + 4, (v[0] + ((v[1] - v[0]) * step) / 3).toFixed(2), "end"), text(right + 7, y + 4, digits(a[0] + ((a[1] - a[0]) * step) / 3)));
    }
    parts.push(text(left, height - 5, `${span(last - first)} ago`), text(right, height - 5, "now, in the pack's time", "end"));
    const y = (value, [low, high]) => bottom - ((bottom - top) * (value - low)) / (high - low);
    const t = range(this.points.map((p) => p.t).filter((one) => one !== null), 2);
    parts.push(curve("t", this.points.filter((p) => p.t !== null).map((p) => [x(p.s), y(p.t, t)])));
    parts.push(curve("a", this.points.map((p) => [x(p.s), y(p.a, a)])));
    parts.push(curve("v", this.points.map((p) => [x(p.s), y(p.v, v)])));
    this.svg.replaceChildren(...parts);
    const now = this.points.at(-1);
    this.key.replaceChildren(swatch("v", `${now.v.toFixed(2)} V`), swatch("a", `${digits(now.a)} A`), swatch("t", now.t === null ? "no probe" : `${now.t.toFixed(1)} °C`));
    this.svg.setAttribute("aria-label", `over ${span(last - first)}: pack ${v[0].toFixed(2)} to ${v[1].toFixed(2)} V, now ${now.v.toFixed(2)} V and ${digits(now.a)} A`);
  }
}

function range(values, least, zero = false) {
  let low = Math.min(...values, ...(zero ? [0] : []));
  let high = Math.max(...values, ...(zero ? [0] : []));
  const missing = least - (high - low);
  if (missing > 0) {
    low -= missing / 2;
    high += missing / 2;
  }
  const air = (high - low) * 0.08;
  return [low - air, high + air];
}

const digits = (value) => (Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0)).replace("-", "−");

function span(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const line = (x1, y1, x2, y2) => draw("line", { class: "grid", x1, y1, x2, y2 });

function text(x, y, content, anchor = "start") {
  const element = draw("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}

function curve(name, points) {
  // At most one point a pixel: more cannot be seen.
  const thin = points.filter((point, n) => n === 0 || n === points.length - 1 || Math.abs(point[0] - points[n - 1][0]) > 0.05 || n % 4 === 0);
  return draw("path", { class: name, d: thin.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("") });
}

function swatch(name, content) {
  const element = document.createElement("span");
  element.className = `swatch ${name}`;
  element.textContent = content;
  return element;
}
