// What the browser alone knows: whether it has WebGL, and which theme JupyterLab wears.
export default {
  render({ model, el }) {
    el.style.display = "none";
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
    const usable = gl?.getExtension("OES_texture_float") || gl?.getExtension("EXT_color_buffer_float");
    gl?.getExtension("WEBGL_lose_context")?.loseContext(); // browsers grant few contexts
    const report = () => {
      model.set({ webgl: Boolean(usable), dark: document.body.dataset.jpThemeLight === "false" });
      model.save_changes();
    };
    report();
    const watch = new MutationObserver(report);
    watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    return () => watch.disconnect();
  },
};
