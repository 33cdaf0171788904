// Calls of the server.

import { key } from "./settings.js";

async function call(path, body, signal) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key()) headers.authorization = `Bearer ${key()}`;
  const request = { method: body === undefined ? "GET" : "POST", headers, signal };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Error("This server asks for an API key: enter it in the settings.");
  throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
}

/** What is served. */
export async function model() {
  return (await call("/page/model")).json();
}

/** Each text as a list of blocks of HTML. */
export async function renderTexts(texts) {
  return (await (await call("/page/render", { texts })).json()).html;
}

/** Asks, and calls `onEvent` for every event of the answer. Rejects when it breaks off. */
export async function ask(body, signal, onEvent) {
  const response = await call("/page/chat", body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  let isEnded = false;
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The connection broke off.");
    }
    if (piece.done) break;
    const events = (waiting + piece.value).split("\n\n");
    waiting = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const value = JSON.parse(event.slice(6));
      isEnded ||= value.type === "end";
      if (value.type === "error") throw new Error(value.message);
      onEvent(value);
    }
  }
  if (!isEnded) throw new Error("The answer broke off.");
}
