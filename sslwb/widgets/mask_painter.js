// A picture under a grid of patches: click or drag to hide them and to uncover them; arrow keys move, space hides.
export default {
  render({ model, el }) {
    const board = el.appendChild(document.createElement("div"));
    board.setAttribute("role", "group");
    board.setAttribute("aria-label", "patches of the picture: arrow keys move, space hides or uncovers");
    const patches = [];
    let paint = null; // what a drag makes of every patch that it meets
    let mask = [];

    function lay() {
      const [rows, columns] = model.get("shape"), side = model.get("side");
      board.replaceChildren();
      board.style.cssText = `display: grid; grid-template-columns: repeat(${columns}, 1fr); touch-action: none;
        width: ${side}px; height: ${(side * rows) / columns}px; cursor: crosshair; user-select: none;
        background-size: 100% 100%; image-rendering: pixelated; border-radius: 2px; margin: 2px 0 0`;
      patches.length = 0;
      for (let i = 0; i < rows * columns; i++) {
        const patch = board.appendChild(document.createElement("button"));
        patch.tabIndex = i ? -1 : 0; // one stop for the tab key, arrows within
        patch.setAttribute("aria-label", `patch in row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}`);
        patch.style.cssText = "border: 0; padding: 0; min-width: 0; cursor: inherit; position: relative";
        patches.push(patch);
      }
    }

    function show() {
      board.style.backgroundImage = `url(${model.get("picture")})`;
      mask = [...model.get("mask")];
      patches.forEach(cover);
    }

    function cover(patch, i) {
      patch.setAttribute("aria-pressed", Boolean(mask[i]));
      patch.style.background = mask[i] ? "var(--hatch)" : "none";
    }

    function set(i, hidden) {
      if (i < 0 || mask[i] === hidden) return;
      mask[i] = hidden;
      cover(patches[i], i);
      model.set("mask", [...mask]);
      model.save_changes();
    }

    function move(from, to) {
      if (to < 0 || to >= patches.length) return;
      patches[from].tabIndex = -1;
      patches[to].tabIndex = 0;
      patches[to].focus();
    }

    const under = (e) => patches.indexOf(document.elementFromPoint(e.clientX, e.clientY));
    board.onpointerdown = (e) => {
      const i = under(e);
      if (e.button || i < 0) return;
      board.setPointerCapture(e.pointerId); // a drag may leave the picture and come back
      move(patches.findIndex((p) => p.tabIndex === 0), i);
      paint = !mask[i];
      set(i, paint);
      e.preventDefault();
    };
    board.onpointermove = (e) => { if (paint !== null) set(under(e), paint); };
    board.onpointerup = board.onpointercancel = () => { paint = null; };
    board.onkeydown = (e) => {
      const i = patches.indexOf(document.activeElement), columns = model.get("shape")[1], at = i % columns;
      if (i < 0 || e.ctrlKey || e.altKey || e.metaKey) return;
      const step = { ArrowLeft: at ? -1 : 0, ArrowRight: at < columns - 1 ? 1 : 0, ArrowUp: -columns, ArrowDown: columns };
      if (e.key in step) move(i, i + step[e.key]);
      else if (e.key === " " || e.key === "Enter") set(i, !mask[i]);
      else return;
      e.preventDefault();
      e.stopPropagation(); // JupyterLab has shortcuts on these keys
    };
    lay();
    show();
    model.on("change:mask", show);
    model.on("change:picture", show);
  },
};
