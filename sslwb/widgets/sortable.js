// A table whose heads are buttons: a click asks the kernel for the rows in the order of that column.
export default {
  render({ model, el }) {
    el.classList.add("jp-RenderedHTMLCommon"); // the page's own tables
    el.style.cssText = "overflow-x: auto; padding-right: 0";
    function show() {
      const held = el.querySelector("button:focus")?.dataset.column;
      el.innerHTML = model.get("html");
      el.querySelectorAll("thead th").forEach((head, column) => {
        const sorted = column === model.get("by");
        if (sorted) head.setAttribute("aria-sort", model.get("descending") ? "descending" : "ascending");
        const button = document.createElement("button");
        button.textContent = (head.textContent || "name") + (sorted ? (model.get("descending") ? " ▼" : " ▲") : "");
        button.dataset.column = column;
        button.style.cssText = "all: unset; cursor: pointer; font: inherit; font-weight: 600; white-space: nowrap";
        button.onclick = () => {
          model.set("asked", [column, model.get("asked")[1] + 1]); // a second click on the same head is news too
          model.save_changes();
        };
        head.replaceChildren(button);
      });
      for (const cell of el.querySelectorAll("tr > *")) cell.style.whiteSpace = "nowrap";
      for (const name of el.querySelectorAll("tr > :first-child")) {
        // names stay in sight of a wide table
        name.style.cssText += "position: sticky; left: 0; background: var(--jp-layout-color0, Canvas)";
      }
      if (held !== undefined) el.querySelector(`button[data-column="${held}"]`).focus();
    }
    show();
    for (const trait of ["html", "by", "descending"]) model.on(`change:${trait}`, show);
  },
};
