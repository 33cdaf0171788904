// Text files that go with the next question.

import { announce, byId, iconButton, make } from "./dom.js";

const MAX_FILES = 32;

let attached = [];
let maxBytes = 1 << 20;

/** Takes the files that wait, so that none does. */
export function take() {
  const files = attached;
  attached = [];
  show();
  return files;
}

/** Bytes that a request may have. */
export function setLimit(bytes) {
  maxBytes = bytes / 2;
}

/** Makes picking, dropping and pasting work. `onProblem` gets what cannot be attached, and why. */
export function setUp(onProblem) {
  const pick = byId("pick");
  byId("attach").addEventListener("click", () => pick.click());
  pick.addEventListener("change", async () => {
    await add([...pick.files], onProblem);
    pick.value = "";
    byId("question").focus();
  });
  const main = document.querySelector("main");
  main.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  main.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    add([...event.dataTransfer.files], onProblem);
  });
  byId("question").addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add([...event.clipboardData.files], onProblem);
  });
}

async function add(files, onProblem) {
  for (const file of files) {
    const total = attached.reduce((sum, other) => sum + other.content.length, file.size);
    if (attached.length === MAX_FILES) return onProblem(`Only ${MAX_FILES} files go with one question.`);
    if (total > maxBytes) return onProblem(`${file.name} is too large: files may have ${size(maxBytes)} together.`);
    try {
      const content = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      if (content.includes("\0")) throw new TypeError("not text");
      attached.push({ name: file.name, content });
    } catch {
      return onProblem(`${file.name} is not a text file.`);
    }
    announce(`${file.name} is attached`);
  }
  show();
}

function show() {
  const item = (file) => {
    const remove = iconButton("close", `Remove ${file.name}`, () => {
      attached = attached.filter((other) => other !== file);
      show();
      byId("question").focus();
    });
    return make("li", {}, fileLabel(file), remove);
  };
  byId("files").replaceChildren(...attached.map(item));
}

/** A file's name and size. */
export function fileLabel(file) {
  const bytes = new Blob([file.content]).size;
  return make("span", { className: "file", icon: "file" }, file.name, make("small", {}, size(bytes)));
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
