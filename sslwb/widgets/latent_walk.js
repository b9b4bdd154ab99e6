// A plane of two latents: click or drag to walk, arrow keys take steps. Colours are those of the page's theme.
export default {
  render({ model, el }) {
    const reach = model.get("reach"), side = model.get("side");
    const make = (parent, name, attributes) => {
      const part = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
      for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
      return part;
    };
    const plane = make(el, "svg", {
      viewBox: `${-reach} ${-reach} ${2 * reach} ${2 * reach}`, width: side, height: side, tabindex: 0, role: "application",
    });
    plane.style.cssText = `display: block; background: var(--soft); border-radius: 2px; cursor: crosshair;
      touch-action: none; user-select: none; font-size: ${(12 * 2 * reach) / side}px`;
    const line = { stroke: "var(--quiet)", "stroke-width": (2 * reach) / side, fill: "none", opacity: 0.6 };
    make(plane, "path", { d: `M${-reach} 0H${reach}M0 ${-reach}V${reach}`, ...line });
    for (const r of [1, 2]) make(plane, "circle", { r, "stroke-dasharray": reach / 40, ...line }); // of the prior
    const cloud = make(plane, "g", { fill: "var(--line)", opacity: 0.7 });
    const words = [0, 1].map(() => make(plane, "text", { fill: "var(--text)" }));
    const here = make(plane, "circle", {
      r: reach / 30, fill: "var(--other)", stroke: "var(--text)", "stroke-width": (4 * reach) / side,
    });

    function crowd() {
      cloud.replaceChildren();
      for (const [x, y] of model.get("dots")) make(cloud, "circle", { cx: x, cy: -y, r: reach / 110 });
    }

    function name() {
      const [across, up] = model.get("names"), edge = 0.97 * reach;
      words[0].textContent = `${across} →`;
      words[1].textContent = `↑ ${up}`;
      for (const [key, value] of Object.entries({ x: edge, y: -reach / 30, "text-anchor": "end" })) words[0].setAttribute(key, value);
      for (const [key, value] of Object.entries({ x: reach / 30, y: -0.9 * reach })) words[1].setAttribute(key, value);
      show();
    }

    function show() {
      const [x, y] = model.get("place"), [across, up] = model.get("names");
      here.setAttribute("cx", x);
      here.setAttribute("cy", -y);
      plane.setAttribute("aria-label", `plane of ${across} and ${up}, now at ${x}, ${y}: arrow keys move, Home goes to the middle`);
    }

    function walk(x, y) {
      const within = (v) => Math.round(100 * Math.min(reach, Math.max(-reach, v))) / 100;
      model.set("place", [within(x), within(y)]);
      model.save_changes();
    }

    const to = (e) => {
      const box = plane.getBoundingClientRect();
      walk(((2 * (e.clientX - box.left)) / box.width - 1) * reach, (1 - (2 * (e.clientY - box.top)) / box.height) * reach);
    };
    let walking = false;
    plane.onpointerdown = (e) => {
      if (e.button) return;
      plane.setPointerCapture(e.pointerId); // a drag may leave the plane and come back
      plane.focus();
      walking = true;
      to(e);
      e.preventDefault();
    };
    plane.onpointermove = (e) => { if (walking) to(e); };
    plane.onpointerup = plane.onpointercancel = () => { walking = false; };
    plane.onkeydown = (e) => {
      const [x, y] = model.get("place"), step = e.shiftKey ? 0.5 : 0.1;
      const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step], Home: [-x, -y] };
      if (!(e.key in ways) || e.ctrlKey || e.altKey || e.metaKey) return;
      walk(x + ways[e.key][0], y + ways[e.key][1]);
      e.preventDefault();
      e.stopPropagation(); // JupyterLab has shortcuts on these keys
    };
    crowd();
    name();
    model.on("change:dots", crowd);
    model.on("change:names", name);
    model.on("change:place", show);
  },
};
