// A table whose heads are buttons: a click asks the kernel for the rows in the order of that column.
export default {
  render({ model, el }) {
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
      if (held !== undefined) el.querySelector(`button[data-column="${held}"]`).focus();
    }
    show();
    for (const trait of ["html", "by", "descending"]) model.on(`change:${trait}`, show);
  },
};
