// What the user may set, and how the page looks.

import { byId } from "./dom.js";

const PLACE = "ponder.settings";
const KEY = "ponder.key";
const THEME = "ponder.theme";
const NUMBERS = ["temperature", "thinking_budget", "max_tokens", "seed"];

let settings = read();
let defaults = {};

function read() {
  try {
    return JSON.parse(localStorage.getItem(PLACE)) ?? {};
  } catch {
    return {};
  }
}

/** The API key, if one was entered. */
export const key = () => sessionStorage.getItem(KEY);

export const unfolds = () => settings.unfolds === true;

/** Whether answers come with the experts that work on them. */
export const showsExperts = () => settings.experts !== false;

/** The fields of a request that follow from the settings. */
export function requestFields() {
  const fields = {};
  for (const name of ["temperature", "max_tokens", "seed"]) {
    if (settings[name] !== undefined) fields[name] = settings[name];
  }
  if (settings.thinking_budget !== undefined) fields.reasoning = { max_tokens: settings.thinking_budget };
  return fields;
}

/** Makes the dialog work. `onKey` is called when another key was entered. */
export function setUp(onKey) {
  const [dialog, form] = [byId("settings"), byId("settings-form")];
  const fill = () => {
    for (const name of NUMBERS) form.elements[name].value = settings[name] ?? "";
    form.elements.temperature.placeholder = defaults.temperature ?? "";
    form.elements.unfolds.checked = unfolds();
    form.elements.experts.checked = showsExperts();
    form.elements.key.value = key() ?? "";
  };
  byId("open-settings").addEventListener("click", () => {
    fill();
    dialog.showModal();
  });
  byId("reset").addEventListener("click", () => {
    settings = {};
    fill();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    settings = { unfolds: form.elements.unfolds.checked, experts: form.elements.experts.checked };
    for (const name of NUMBERS) {
      if (form.elements[name].value !== "") settings[name] = Number(form.elements[name].value);
    }
    localStorage.setItem(PLACE, JSON.stringify(settings));
    const entered = form.elements.key.value.trim();
    if (entered !== (key() ?? "")) {
      sessionStorage.setItem(KEY, entered);
      onKey();
    }
    dialog.close();
  });
  // A click beside the dialog closes it, as Escape does.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  setUpTheme();
}

/** What the model uses where nothing is set. */
export function setDefaults(values) {
  defaults = values;
}

function setUpTheme() {
  const root = document.documentElement;
  const show = (theme) => {
    if (theme) root.dataset.theme = theme;
  };
  show(localStorage.getItem(THEME));
  byId("theme").addEventListener("click", () => {
    const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : prefersDark;
    const theme = isDark ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    show(theme);
  });
}
