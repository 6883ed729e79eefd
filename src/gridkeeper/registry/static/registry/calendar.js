// Keys of the calendar: arrows page, j and k go through the downtimes. Reading works without it.
"use strict";
(function () {
  function page(name) {
    const link = document.querySelector(`[data-cal="${name}"]`);
    if (link) location.href = link.href;
  }
  function move(step) {
    const items = [...document.querySelectorAll(".cal-item, .cal-line a")];
    if (!items.length) return;
    const at = items.indexOf(document.activeElement);
    items[Math.max(0, Math.min(items.length - 1, at + step))].focus();
  }
  // Before the list keys of every page, which would go through the rows of the table.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const act = { ArrowLeft: () => page("before"), ArrowRight: () => page("after"), j: () => move(1), k: () => move(-1) }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, true);
})();
