// Shows the groups that every filter of their stage lets through.
for (const browser of document.querySelectorAll(".rollouts")) {
  const filters = [...browser.querySelectorAll("select")];
  browser.addEventListener("change", () => {
    for (const group of browser.querySelectorAll("article")) {
      group.hidden = filters.some((f) => f.value && group.dataset[f.dataset.filter] !== f.value);
    }
  });
}
