// Questions and answers as elements.

import { copy, iconButton, make, setRendered } from "./dom.js";
import { ExpertsView } from "./experts.js";
import { fileLabel } from "./files.js";
import { unfolds } from "./settings.js";

/** A question. `actions.edit(text)` asks it anew. */
export function questionView(turn, actions) {
  const text = make("div", { className: "text" }, turn.content);
  const files = turn.files.map((file) => make("li", {}, fileLabel(file)));
  const bubble = make("div", { className: "bubble" });
  if (files.length > 0) bubble.append(make("ul", { className: "files", "aria-label": "Files" }, ...files));
  bubble.append(text);
  const edit = iconButton("edit", "Edit this question", () => startEdit(article, turn, actions));
  const tools = make("div", { className: "tools" }, copyButton(() => turn.content, "Copy this question"), edit);
  const article = make("article", { className: "question", "aria-label": "Question" }, bubble, tools);
  return article;
}

function startEdit(article, turn, actions) {
  const area = make("textarea", { value: turn.content, rows: Math.min(12, turn.content.split("\n").length + 1), "aria-label": "Question" });
  const close = () => {
    form.replaceWith(...before);
    article.querySelector("button[aria-label^=Edit]").focus();
  };
  const send = () => {
    if (area.value.trim() !== "") actions.edit(area.value);
  };
  const form = make("form", {
    className: "edit",
    onsubmit: (event) => {
      event.preventDefault();
      send();
    },
    onkeydown: (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      }
    },
  }, area, make("div", { className: "bar" },
    make("button", { type: "button", onclick: close }, "Cancel"),
    make("button", { type: "submit", className: "filled" }, "Ask again")));
  const before = [...article.childNodes];
  article.replaceChildren(form);
  area.focus();
}

function copyButton(text, label) {
  const button = iconButton("copy", label, () => copy(text(), button));
  return button;
}

/** An answer, whose parts change while it is written. */
export class AnswerView {
  constructor(turn, actions) {
    this.turn = turn;
    this.summary = make("summary");
    this.thought = make("div", { className: "rendered" });
    this.details = make("details", { className: "thought", hidden: true }, this.summary, this.thought);
    this.answer = make("div", { className: "rendered" });
    this.experts = new ExpertsView();
    this.problem = make("p", { className: "problem", hidden: true });
    this.facts = make("span", { className: "facts" });
    const again = iconButton("redo", "Answer again", actions.again);
    this.tools = make("div", { className: "tools" }, copyButton(() => turn.content, "Copy this answer"), again, this.facts);
    this.element = make("article", { className: "answer", "aria-label": "Answer" }, this.details, this.answer, this.problem, this.experts.element, this.tools);
    this.show();
  }

  /** Shows everything but the texts. */
  show() {
    const { turn } = this;
    const isThinking = turn.isRunning && turn.content === "" && turn.thinking_ms === undefined;
    this.element.setAttribute("aria-busy", turn.isRunning === true);
    this.element.classList.toggle("running", turn.isRunning === true);
    this.element.classList.toggle("waiting", isThinking && turn.thought === "");
    this.details.hidden = turn.thought === "";
    this.details.classList.toggle("running", isThinking);
    const seconds = ((turn.thinking_ms ?? turn.live_ms ?? 0) / 1000).toFixed(1);
    const tokens = turn.thought_tokens ? ` · ${turn.thought_tokens} tokens` : "";
    this.summary.textContent = `${isThinking ? "Thinking" : "Thought"} for ${seconds} s${tokens}`;
    this.problem.hidden = !turn.problem;
    this.problem.textContent = turn.problem ?? "";
    this.facts.textContent = facts(turn);
  }

  /** Opens the thought at its beginning, if the user likes to watch. */
  unfold() {
    this.details.open = unfolds();
  }

  /** Replaces blocks of the thought or the answer. */
  setBlocks(part, blocks) {
    for (const [index, html] of blocks) {
      while (this[part].children.length <= index) this[part].append(make("div", { className: "block" }));
      const block = this[part].children[index];
      setRendered(block, html);
      addCodeBars(block);
    }
  }

  /** Replaces all of them. */
  setAll(part, blocks) {
    this[part].replaceChildren();
    this.setBlocks(part, blocks.map((html, index) => [index, html]));
  }
}

function facts(turn) {
  const parts = [];
  const tokens = turn.usage?.completion_tokens ?? turn.live_tokens;
  if (tokens) parts.push(`${tokens} tokens`);
  if (turn.tokens_per_s) parts.push(`${turn.tokens_per_s.toFixed(1)} tokens/s`);
  if (turn.finish === "length") parts.push("reached its limit of tokens");
  if (turn.finish === "stopped") parts.push("stopped");
  return parts.join(" · ");
}

/** A bar above each code block with its language and a button that copies it. */
function addCodeBars(block) {
  for (const code of block.querySelectorAll("pre[data-language]")) {
    const text = () => code.querySelector("code").textContent;
    const bar = make("div", { className: "code-bar" }, make("span", {}, code.dataset.language || "text"), copyButton(text, "Copy this code"));
    const frame = make("div", { className: "code" });
    code.replaceWith(frame);
    code.tabIndex = 0;
    frame.append(bar, code);
  }
  // Wide tables scroll on their own.
  for (const table of block.querySelectorAll("table")) {
    if (table.closest("math")) continue;
    const frame = make("div", { className: "table", tabIndex: 0, role: "region", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  }
}
