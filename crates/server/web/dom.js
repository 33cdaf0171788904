// Elements, icons, and the one place where text becomes elements.

// The server has rendered and sanitised what comes here; a browser with trusted types accepts HTML
// from this policy only.
const rendered = window.trustedTypes?.createPolicy("rendered", { createHTML: (html) => html });

/** Shows HTML that the server rendered. */
export function setRendered(element, html) {
  element.innerHTML = rendered ? rendered.createHTML(html) : html;
}

/** An element with properties, attributes (those with a dash or `role`), listeners and children. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "icon") element.prepend(icon(value));
    else if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** A button with an icon; its name is read aloud and shown when pointed at. */
export function iconButton(name, label, onclick) {
  return make("button", { type: "button", className: "icon", title: label, "aria-label": label, icon: name, onclick });
}

export const byId = (id) => document.getElementById(id);

/** Says something to those who do not see the page. */
export function announce(text) {
  byId("status").textContent = text;
}

// Outlines on a grid of 24.
const PATHS = {
  attach: "M20 11.5 12.5 19a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.7 4.7l-8 8a1.7 1.7 0 0 1-2.4-2.4l7.2-7.2",
  check: "M5 12.5 10 17.5 19 7",
  close: "M6 6 18 18M18 6 6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  export: "M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  redo: "M19 5v5h-5M19 10a7.5 7.5 0 1 0 .5 4",
  send: "M12 19V5M6 11l6-6 6 6",
  settings: "M4 7h8M18 7h2M15 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6M4 17h2M12 17h8M9 20a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  stop: "M7 7h10v10H7z",
  // A disc whose left half lies twice, which leaves it empty.
  theme: "M12 4a8 8 0 0 1 0 16a8 8 0 0 1 0-16zM12 4a8 8 0 0 0 0 16z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  if (name === "theme" || name === "stop") path.classList.add("solid");
  svg.append(path);
  return svg;
}

/** Draws the icons of elements that name one. */
export function drawIcons() {
  for (const element of document.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
}

/** Puts text on the clipboard and shows on the button that it did. */
export async function copy(text, button) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // Pages that came without encryption from another machine have no clipboard.
    const area = make("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.replaceChildren(icon("check"));
  announce("Copied");
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}
