// The page: conversations at the side, one of them in the middle, the question below.

import { announce, byId, drawIcons, iconButton, make } from "./dom.js";
import * as experts from "./experts.js";
import * as files from "./files.js";
import * as server from "./server.js";
import * as settings from "./settings.js";
import * as store from "./store.js";
import { AnswerView, questionView } from "./turns.js";

const TITLE_CHARS = 60;
const EXAMPLES = ["What is 17 + 25?", "Make 24 from 4, 6 and 8.", "Who are you?"];

const state = { conversations: [], current: fresh(), running: null, context: 0 };

drawIcons();
settings.setUp(loadModel);
files.setUp((problem) => showNote(problem));
setUpComposer();
setUpMenu();
byId("new").addEventListener("click", () => openConversation(fresh()));
byId("export").addEventListener("click", exportCurrent);
showTitle();
byId("examples").append(...EXAMPLES.map((text) => make("li", {}, make("button", { type: "button", onclick: () => ask(text, []) }, text))));
loadModel();
loadConversations();

async function loadModel() {
  try {
    const model = await server.model();
    byId("model").textContent = model.name;
    byId("about").textContent = `${model.name} runs on this server. Conversations stay in this browser.`;
    state.context = model.context;
    settings.setDefaults(model.defaults);
    experts.setCounts(model.experts);
    files.setLimit(model.body_bytes);
    showNote(model.is_chat ? "" : "This model has no chat template: it cannot hold a conversation.");
  } catch (error) {
    showNote(error.message);
  }
}

async function loadConversations() {
  try {
    state.conversations = await store.all();
  } catch {
    showNote("This browser does not let the page keep conversations.");
  }
  // Whoever was quicker with a question stays with it.
  if (state.current.turns.length > 0) state.conversations.unshift(state.current);
  else openConversation(state.conversations.find((one) => `#${one.id}` === location.hash) ?? state.current);
  showList();
}

function fresh() {
  return { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), title: "", changed: 0, turns: [] };
}

function showNote(text) {
  byId("note").textContent = text || "Answers can be wrong. Check what matters.";
  byId("note").classList.toggle("problem", text !== "");
  if (text) announce(text);
}

// The list at the side.

function showList() {
  const item = (one) => {
    const open = make("button", { type: "button", className: "open", onclick: () => openConversation(one) }, one.title);
    if (one === state.current) open.setAttribute("aria-current", "true");
    return make("li", {}, open, iconButton("trash", `Delete “${one.title}”`, () => removeConversation(one)));
  };
  byId("conversations").replaceChildren(...state.conversations.map(item));
}

async function removeConversation(one) {
  if (!confirm(`Delete “${one.title}”?`)) return;
  if (one === state.current) stop();
  await store.remove(one.id);
  state.conversations = state.conversations.filter((other) => other !== one);
  if (one === state.current) openConversation(fresh());
  else showList();
}

function setUpMenu() {
  const set = (isOpen) => {
    document.body.classList.toggle("menu", isOpen);
    byId("shade").hidden = !isOpen;
    byId("menu").setAttribute("aria-expanded", isOpen);
  };
  byId("menu").addEventListener("click", () => {
    set(true);
    byId("new").focus();
  });
  const close = () => {
    if (!document.body.classList.contains("menu")) return;
    set(false);
    byId("menu").focus();
  };
  byId("close-menu").addEventListener("click", close);
  byId("shade").addEventListener("click", close);
  byId("sidebar").addEventListener("click", (event) => {
    if (event.target.closest("#new, .open")) set(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
}

// The conversation in the middle.

async function openConversation(conversation) {
  stop();
  state.current = conversation;
  history.replaceState(null, "", conversation.turns.length > 0 ? `#${conversation.id}` : location.pathname);
  showTitle();
  showTurns();
  showList();
  byId("question").focus();
}

function showTitle() {
  byId("title").textContent = state.current.title || "New conversation";
  document.title = state.current.title ? `${state.current.title} · Ponder` : "Ponder";
  byId("export").hidden = state.current.turns.length === 0;
}

/** Shows all turns of the conversation; their texts come from the server as HTML. */
async function showTurns() {
  const { current } = state;
  const views = current.turns.map((turn, index) => makeView(turn, index));
  byId("turns").replaceChildren(...views.map((view) => view.element ?? view));
  byId("empty").hidden = current.turns.length > 0;
  showMeter();
  const answers = views.filter((view) => view instanceof AnswerView);
  // What cannot be rendered is shown as it was written.
  for (const view of answers) {
    view.thought.textContent = view.turn.thought;
    view.answer.textContent = view.turn.content;
  }
  scrollDown(true);
  if (answers.length === 0) return;
  try {
    const html = await server.renderTexts(answers.flatMap(({ turn }) => [turn.thought, turn.content]));
    answers.forEach((view, index) => {
      view.setAll("thought", html[2 * index]);
      view.setAll("answer", html[2 * index + 1]);
    });
    scrollDown(true);
  } catch (error) {
    showNote(error.message);
  }
}

function makeView(turn, index) {
  if (turn.role === "user") {
    return questionView(turn, { edit: (text) => askFrom(index, text, turn.files) });
  }
  const question = state.current.turns[index - 1];
  return new AnswerView(turn, { again: () => askFrom(index - 1, question.content, question.files) });
}

function askFrom(index, text, attached) {
  stop();
  state.current.turns.length = index;
  const turns = byId("turns");
  while (turns.children.length > index) turns.lastChild.remove();
  ask(text, attached);
}

/** Follows the text as it grows, unless the reader has scrolled up. */
function scrollDown(isForced) {
  const scroll = byId("scroll");
  if (isForced || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120) {
    scroll.scrollTop = scroll.scrollHeight;
  }
}

function showMeter() {
  const last = state.current.turns.findLast((turn) => turn.usage);
  const used = last ? last.usage.total_tokens : 0;
  byId("meter").textContent = used ? `${used.toLocaleString("en")} of ${state.context.toLocaleString("en")} tokens` : "";
}

// Asking.

function setUpComposer() {
  const question = byId("question");
  const fit = () => {
    question.style.height = "auto";
    question.style.height = `${question.scrollHeight}px`;
  };
  const send = () => {
    const text = question.value.trim();
    if (text === "" || state.running) return;
    question.value = "";
    fit();
    ask(text, files.take());
  };
  question.addEventListener("input", fit);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("stop").addEventListener("click", stop);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("settings").open) stop();
  });
}

function stop() {
  state.running?.abort();
}

function setRunning(controller) {
  state.running = controller;
  byId("stop").hidden = !controller;
  byId("send").hidden = !!controller;
}

/** Asks a question in the current conversation and shows the answer as it comes. */
async function ask(text, attached) {
  stop();
  const conversation = state.current;
  const question = { role: "user", content: text, files: attached };
  const turn = { role: "assistant", thought: "", content: "", isRunning: true };
  conversation.turns.push(question, turn);
  conversation.title ||= text.replace(/\s+/g, " ").slice(0, TITLE_CHARS);
  conversation.changed = Date.now();
  if (!state.conversations.includes(conversation)) state.conversations.unshift(conversation);
  history.replaceState(null, "", `#${conversation.id}`);
  const n = conversation.turns.length;
  const view = makeView(turn, n - 1);
  byId("turns").append(makeView(question, n - 2), view.element);
  byId("empty").hidden = true;
  showTitle();
  showList();
  showNote("");
  scrollDown(true);
  keep(conversation);
  const controller = new AbortController();
  setRunning(controller);
  announce("Waiting for the answer");
  const messages = conversation.turns.slice(0, -1).map(message);
  const body = { ...settings.requestFields(), ...experts.requestFields(), messages };
  const clock = startClock(turn, view);
  try {
    await server.ask(body, controller.signal, (event) => take(event, turn, view));
    announce(`Answer complete: ${view.answer.textContent}`);
  } catch (error) {
    if (error.name === "AbortError") turn.finish = "stopped";
    else turn.problem = error.message;
    announce(turn.problem ?? "Stopped");
  }
  clearInterval(clock);
  turn.isRunning = false;
  view.show();
  if (state.running === controller) {
    setRunning(null);
    showMeter();
    scrollDown();
  }
  keep(conversation);
}

/** A turn as the server wants it. */
function message({ role, content, files: attached }) {
  return attached?.length > 0 ? { role, content, files: attached } : { role, content };
}

/** Keeps times and speed on the page up to date while an answer is written. */
function startClock(turn, view) {
  return setInterval(() => {
    if (turn.started && turn.thinking_ms === undefined) turn.live_ms = performance.now() - turn.started;
    if (turn.live_tokens > 1) turn.tokens_per_s = (1000 * (turn.live_tokens - 1)) / (performance.now() - turn.started);
    view.show();
  }, 100);
}

/** Takes an event of an answer. */
function take(event, turn, view) {
  switch (event.type) {
    case "thought":
    case "answer": {
      if (!turn.started) {
        turn.started = performance.now();
        if (event.type === "thought") announce("Thinking");
        view.unfold();
      }
      const field = event.type === "thought" ? "thought" : "content";
      turn[field] += event.text;
      if (event.type === "thought") turn.thought_tokens = event.tokens;
      else turn.answer_tokens = event.tokens;
      turn.live_tokens = (turn.thought_tokens ?? 0) + (turn.answer_tokens ?? 0);
      view.setBlocks(event.type, event.blocks);
      view.experts.add(event.experts ?? []);
      break;
    }
    case "answering":
      turn.thinking_ms = event.thinking_ms;
      announce("Answering");
      break;
    case "end":
      turn.usage = event.usage;
      turn.finish = event.finish;
      turn.tokens_per_s = event.tokens_per_s;
      break;
  }
  view.show();
  scrollDown();
}

async function keep(conversation) {
  try {
    await store.save(JSON.parse(JSON.stringify(conversation, (key, value) => (key === "isRunning" ? undefined : value))));
  } catch {
    showNote("This browser could not keep the conversation.");
  }
}

function exportCurrent() {
  const { current } = state;
  const text = current.turns.map((turn) => {
    const attached = (turn.files ?? []).map((file) => `\n\nFile ${file.name}:\n\n\`\`\`\`\n${file.content}\n\`\`\`\``).join("");
    const thought = turn.thought ? `<think>\n${turn.thought}\n</think>\n\n` : "";
    return `## ${turn.role === "user" ? "Question" : "Answer"}\n\n${thought}${turn.content}${attached}\n`;
  }).join("\n");
  const url = URL.createObjectURL(new Blob([`# ${current.title}\n\n${text}`], { type: "text/markdown" }));
  const link = make("a", { href: url, download: "conversation.md" });
  link.click();
  URL.revokeObjectURL(url);
}
