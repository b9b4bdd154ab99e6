// Points on a plain 2-D canvas: the pointer hovers, a drag draws a lasso.
export default {
  render({ model, el }) {
    const canvas = el.appendChild(document.createElement("canvas"));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", model.get("description"));
    canvas.style.cssText = "width: 100%; height: 100%; display: block; cursor: crosshair; touch-action: none";
    el.style.height = `${model.get("height")}px`;
    const ink = canvas.getContext("2d");
    let lasso = [];

    const floats = (view) => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    const codes = () => { const v = model.get("codes"); return new Uint8Array(v.buffer, v.byteOffset, v.byteLength); };
    let places = floats(model.get("places")); // x0, y0, x1, y1 … from 0 to 1
    const at = (i) => [
      8 + places[2 * i] * (canvas.clientWidth - 16),
      8 + (1 - places[2 * i + 1]) * (canvas.clientHeight - 16),
    ];

    function draw() {
      if (!canvas.clientWidth) return; // hidden for a moment, as while the theme changes
      const scale = window.devicePixelRatio || 1;
      canvas.width = canvas.clientWidth * scale;
      canvas.height = canvas.clientHeight * scale;
      ink.setTransform(scale, 0, 0, scale, 0, 0);
      const chosen = new Set(model.get("selection")), colours = model.get("colours"), code = codes();
      const side = places.length > 20000 ? 2 : 5;
      for (let i = 0; i < places.length / 2; i++) {
        const [x, y] = at(i);
        ink.globalAlpha = chosen.size && !chosen.has(i) ? 0.25 : 0.85;
        ink.fillStyle = colours[code[i]];
        ink.fillRect(x - side / 2, y - side / 2, side, side);
      }
      ink.globalAlpha = 1;
      ink.strokeStyle = getComputedStyle(el).color;
      const ring = (i, r) => { const [x, y] = at(i); ink.beginPath(); ink.arc(x, y, r, 0, 7); ink.stroke(); };
      if (chosen.size <= 200) chosen.forEach((i) => ring(i, 5));
      if (model.get("hovering") !== null) ring(model.get("hovering"), 8);
      if (lasso.length > 1) {
        ink.beginPath();
        lasso.forEach(([x, y]) => ink.lineTo(x, y));
        ink.closePath();
        ink.stroke();
      }
    }

    function nearest(x, y) {
      let best = null, least = 144; // within 12 pixels
      for (let i = 0; i < places.length / 2; i++) {
        const [px, py] = at(i), d = (px - x) ** 2 + (py - y) ** 2;
        if (d < least) [best, least] = [i, d];
      }
      return best;
    }

    function inside(x, y) {
      let odd = false;
      for (let i = 0, j = lasso.length - 1; i < lasso.length; j = i++) {
        const [ax, ay] = lasso[i], [bx, by] = lasso[j];
        if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) odd = !odd;
      }
      return odd;
    }

    const save = (name, value) => { model.set(name, value); model.save_changes(); };
    canvas.onpointerdown = (e) => { canvas.setPointerCapture(e.pointerId); lasso = [[e.offsetX, e.offsetY]]; };
    canvas.onpointermove = (e) => {
      if (lasso.length) { lasso.push([e.offsetX, e.offsetY]); draw(); return; }
      const found = nearest(e.offsetX, e.offsetY);
      if (found !== model.get("hovering")) save("hovering", found);
    };
    canvas.onpointerup = () => {
      const found = [];
      if (lasso.length > 3) for (let i = 0; i < places.length / 2; i++) if (inside(...at(i))) found.push(i);
      lasso = [];
      save("selection", found);
      draw();
    };
    for (const name of ["codes", "colours", "selection", "hovering"]) model.on(`change:${name}`, draw);
    const resized = new ResizeObserver(draw);
    resized.observe(canvas);
    const watch = new MutationObserver(() => requestAnimationFrame(draw));
    watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    return () => { resized.disconnect(); watch.disconnect(); };
  },
};
