// Which experts work on an answer: a row for each layer, a column for each expert.

import { make } from "./dom.js";
import { showsExperts } from "./settings.js";

const SVG = "http://www.w3.org/2000/svg";
/** Degrees of use that can be told apart by eye. */
const DEGREES = 4;
/** Layers whose experts are named one by one. */
const NAMED_LAYERS = 8;

let counts = null;

/** What the model consists of, or null if it has no experts. */
export function setCounts(values) {
  counts = values;
}

/** The field of a request that asks for them. */
export const requestFields = () => (counts && showsExperts() ? { experts: true } : {});

/** The experts of one answer, token by token. */
export class ExpertsView {
  constructor() {
    this.element = make("details", { className: "experts", hidden: true, ontoggle: () => this.show() });
    /** For each token its text, and the experts of all layers in a row. */
    this.tokens = [];
    this.uses = null;
  }

  /** Takes tokens as they come: `[text, [[expert, …] of each layer]]`. */
  add(tokens) {
    if (tokens.length === 0) return;
    if (!this.uses) this.build();
    const follows = Number(this.slider.value) === this.tokens.length - 1 || this.tokens.length === 0;
    for (const [text, layers] of tokens) {
      const experts = Uint16Array.from(layers.flat());
      this.tokens.push({ text, experts });
      experts.forEach((expert, place) => {
        this.uses[this.cell(place, expert)] += 1;
      });
    }
    this.slider.max = this.tokens.length - 1;
    if (follows) this.slider.value = this.tokens.length - 1;
    if (!this.isPending) {
      this.isPending = true;
      requestAnimationFrame(() => {
        this.isPending = false;
        this.show();
      });
    }
  }

  /** Where an expert lies: `place` counts through the layers, `chosen` to each. */
  cell(place, expert) {
    return Math.floor(place / counts.chosen) * counts.routed + expert;
  }

  build() {
    const { layers, routed, chosen, shared, parameters, active_parameters: active } = counts;
    this.uses = new Uint32Array(layers.length * routed);
    this.idle = path("idle");
    this.used = Array.from({ length: DEGREES }, (_, degree) => path("used", (0.6 * (degree + 1)) / (DEGREES + 1)));
    this.now = path("now");
    this.picture = document.createElementNS(SVG, "svg");
    this.picture.setAttribute("viewBox", `0 0 ${routed} ${layers.length}`);
    this.picture.setAttribute("preserveAspectRatio", "none");
    this.picture.setAttribute("role", "img");
    this.picture.style.width = `min(100%, ${routed * 24}px)`;
    this.picture.style.height = `${layers.length * Math.min(18, Math.max(5, Math.round(300 / layers.length)))}px`;
    this.picture.append(this.idle, ...this.used, this.now);
    this.slider = make("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Token", oninput: () => this.show() });
    this.output = make("output");
    this.told = make("span");
    const always = shared > 0 ? ` besides ${shared === 1 ? "one that always works" : `${shared} that always work`}` : "";
    const share = `${size(active)} of ${size(parameters)} parameters`;
    this.element.append(
      make("summary", {}, `Experts: ${share} work on a token`),
      make("figure", {}, this.picture,
        make("div", { className: "pick" }, this.slider, this.output),
        make("figcaption", {},
          `Each row is a layer (${layers[0] + 1} to ${layers.at(-1) + 1} of the model), each column one of its ${routed} experts. `
          + `The router picks ${chosen} in every layer for every token${always}: bright are those of this token, faint those of the whole answer. `,
          this.told)));
    this.element.hidden = false;
  }

  show() {
    if (!this.element.open || !this.uses) return;
    const index = Number(this.slider.value);
    const { text, experts } = this.tokens[index];
    const { routed, layers, chosen } = counts;
    const most = Math.max(...this.uses);
    const groups = Array.from({ length: DEGREES + 1 }, () => []);
    this.uses.forEach((n, cell) => {
      groups[Math.ceil((DEGREES * n) / most)].push(square(cell, routed));
    });
    this.idle.setAttribute("d", groups[0].join(""));
    this.used.forEach((one, degree) => one.setAttribute("d", groups[degree + 1].join("")));
    this.now.setAttribute("d", Array.from(experts, (expert, place) => square(this.cell(place, expert), routed)).join(""));
    const shown = visible(text);
    this.output.replaceChildren(`Token ${index + 1} of ${this.tokens.length}: `, make("code", {}, shown));
    const named = layers.slice(0, NAMED_LAYERS).map((layer, row) => {
      const ids = Array.from(experts.subarray(row * chosen, (row + 1) * chosen), (expert) => expert + 1);
      return `layer ${layer + 1}: ${ids.join(", ")}`;
    });
    const more = layers.length > NAMED_LAYERS ? "; …" : "";
    this.slider.setAttribute("aria-valuetext", `${shown}; experts of ${named.join("; ")}${more}`);
    const nUsed = this.uses.reduce((sum, n) => sum + (n > 0), 0);
    this.told.textContent = `So far this answer has used ${nUsed.toLocaleString("en")} of ${this.uses.length.toLocaleString("en")}.`;
    this.picture.setAttribute("aria-label", `Experts that work on the token ${shown}: ${named.join("; ")}${more}`);
  }
}

function path(name, opacity = 1) {
  const element = document.createElementNS(SVG, "path");
  element.classList.add(name);
  element.setAttribute("opacity", opacity);
  return element;
}

/** A cell as part of a path, with a gap to its neighbours. */
const square = (cell, columns) => `M${cell % columns} ${Math.floor(cell / columns)}h.88v.84h-.88z`;

/** A token's text with its white space to be seen. */
const visible = (text) => text.replaceAll("\n", "↵").replaceAll(" ", "␣");

/** A number of parameters as people say it. */
function size(n) {
  const [unit, word] = n >= 1e9 ? [1e9, "billion"] : [1e6, "million"];
  return `${Number((n / unit).toPrecision(3))} ${word}`;
}
