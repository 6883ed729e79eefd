// The map by wheel and by dragging. Without it the steps beside the map do the same.
"use strict";
(function () {
  const frame = () => document.querySelector("[data-map]");
  let drag = null, waiting = null, wanted = null;

  function show(longitude, latitude, width) {
    wanted = [longitude, latitude, Math.min(360, Math.max(0.5, width))];
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const url = new URL(location.href);
      url.searchParams.set("view", wanted.map((each) => Number(each.toPrecision(5))).join(","));
      wanted = null;
      const source = document.getElementById("map");
      htmx.ajax("GET", url.pathname + url.search, { target: "#map", source }).then(() => history.replaceState(history.state, "", url));
    }, 180);
  }
  const seen = () => wanted || frame().dataset.map.split(",").map(Number);

  addEventListener("wheel", (event) => {
    const map = event.target.closest && event.target.closest(".map-svg");
    // With the key that zooms elsewhere too: the page must scroll past the map.
    if (!map || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const box = map.getBoundingClientRect(), [longitude, latitude, width] = seen();
    const x = (event.clientX - box.left) / box.width - 0.5, y = 0.5 - (event.clientY - box.top) / box.height;
    const next = width * (event.deltaY > 0 ? 1.5 : 1 / 1.5);
    show(longitude + x * (width - next), latitude + y * (width - next) / 2, next);
  }, { passive: false });

  addEventListener("pointerdown", (event) => {
    const map = event.button === 0 && event.target.closest && event.target.closest(".map-svg");
    if (map && !event.target.closest("a")) { drag = { map, x: event.clientX, y: event.clientY }; event.preventDefault(); }
  });
  addEventListener("pointermove", (event) => {
    if (drag) drag.map.setAttribute("transform", `translate(${event.clientX - drag.x} ${event.clientY - drag.y})`);
  });
  addEventListener("pointerup", (event) => {
    if (!drag) return;
    const box = drag.map.getBoundingClientRect(), [longitude, latitude, width] = seen();
    const dx = (event.clientX - drag.x) / box.width, dy = (event.clientY - drag.y) / box.height;
    drag = null;
    if (Math.abs(dx) + Math.abs(dy) > 0.005) show(longitude - dx * width, latitude + dy * width / 2, width);
  });
})();
