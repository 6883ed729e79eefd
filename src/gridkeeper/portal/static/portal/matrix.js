// The matrix beyond links: full titles on hover, logs in a side panel, arrow keys, folds that survive a refresh.
"use strict";
(function () {
  const scroller = document.querySelector(".matrix-scroll");
  if (!scroller) return;
  // pages with several tables share panel and keys
  const tables = document.getElementById("content");
  const base = location.pathname;

  // Titles: one small request a row, so that the page need not carry twelve thousand first lines.
  const asked = new Map();
  const FRESH_MS = 30000;
  function tell(cell) {
    const row = cell.closest("tr"), id = row.id.slice(1);
    if (Date.now() - (asked.get(id) || 0) < FRESH_MS) return;
    asked.set(id, Date.now());
    if (scroller.dataset.suffix) return; // the past's titles stand in the page
    fetch(`${base}titles/${id}`, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((titles) => {
        for (const link of document.querySelectorAll(`#r${id} td > a`)) {
          const title = titles[link.getAttribute("href")];
          if (title) link.title = title;
        }
      })
      .catch(() => asked.delete(id));
  }
  for (const kind of ["pointerover", "focusin"]) {
    tables.addEventListener(kind, (event) => {
      const cell = event.target.closest(".matrix-scroll tbody tr td");
      if (cell) tell(cell);
    });
  }

  // The side panel. Without it, or with a modifier key, the link opens the page.
  const panel = document.getElementById("matrix-panel");
  let opener = null;
  function isCell(link) {
    return link && !link.getAttribute("href").startsWith("/");
  }
  function close() {
    panel.hidden = true;
    if (!opener) return;
    opener.classList.remove("is-open");
    if (opener.isConnected) opener.focus({ preventScroll: true });
    opener = null;
  }
  function open(link) {
    if (opener) opener.classList.remove("is-open");
    opener = link;
    link.classList.add("is-open");
    panel.querySelector("[data-panel-page]").href = link.href;
    panel.hidden = false;
    panel.scrollTop = 0;
    // the whole page is asked for, as its head says what the log is of
    const headers = { "HX-History-Restore-Request": "true" };
    window.htmx.ajax("GET", link.href, { source: panel, target: "#matrix-panel-body", swap: "innerHTML ignoreTitle:true", select: ".page-title-row, #content > :not(.page-head, .demo-banner)", headers })
      .then(() => panel.querySelector("[data-panel-close]").focus({ preventScroll: true }));
  }
  panel.addEventListener("htmx:responseError", (event) => {
    const { status, statusText } = event.detail.xhr;
    document.getElementById("matrix-panel-body").textContent = `This log could not be opened (${status} ${statusText}).`;
  });
  tables.addEventListener("click", (event) => {
    const link = event.target.closest(".matrix-scroll td > a");
    if (!isCell(link) || !window.htmx || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
  panel.addEventListener("click", (event) => { if (event.target.closest("[data-panel-close]")) close(); });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });

  // Arrow keys go from cell to cell.
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  tables.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], table = event.target.closest(".matrix-scroll"), cell = table && event.target.closest("tbody td, tbody th");
    if (!step || !cell || event.target.tagName !== "A") return;
    const rows = [...table.querySelectorAll(".g-region:not(:has(.fold:not(:checked))) tbody tr, .sam tbody tr")];
    let y = rows.indexOf(cell.parentElement) + step[0], x = cell.cellIndex + step[1];
    while (rows[y] && rows[y].cells[x]) {
      const link = rows[y].cells[x].querySelector("a");
      if (link) { event.preventDefault(); link.focus(); return; }
      y += step[0]; x += step[1];
    }
  });

  // What was folded or opened stays so, over refreshes and pages.
  const KEY = "matrix-folded";
  const folded = () => new Set(JSON.parse(sessionStorage.getItem(KEY) || "[]"));
  function applyFolds() {
    const closed = folded();
    for (const box of scroller.querySelectorAll(".fold")) box.checked = !closed.has(box.dataset.region);
  }
  scroller.addEventListener("change", (event) => {
    if (!event.target.matches(".fold")) return;
    const closed = folded();
    if (event.target.checked) closed.delete(event.target.dataset.region); else closed.add(event.target.dataset.region);
    sessionStorage.setItem(KEY, JSON.stringify([...closed]));
  });
  applyFolds();

  // A tab that was out of sight is brought up to date at once when it is looked at again.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && window.htmx) window.htmx.trigger("#matrix-live", "refresh");
  });

  // A refresh puts rows or the whole table anew: the place, the focus and the folds stay.
  let place = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "matrix-live") return;
    const focused = document.activeElement;
    const row = focused && scroller.contains(focused) && focused.closest("tr");
    place = { left: scroller.scrollLeft, top: scroller.scrollTop, row: row ? row.id : "", href: row ? focused.getAttribute("href") : "" };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!place) return;
    const before = place;
    place = null;
    applyFolds();
    scroller.scrollTo(before.left, before.top);
    if (!before.row || document.activeElement !== document.body) return;
    const again = [...document.querySelectorAll(`#${before.row} a`)].find((link) => link.getAttribute("href") === before.href);
    if (again) again.focus({ preventScroll: true });
  });
})();
