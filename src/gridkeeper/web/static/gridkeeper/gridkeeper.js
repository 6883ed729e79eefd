// What pages share: keys, relative times, theme, copying, charts. Reading works without it.
"use strict";
(function () {
  const root = document.documentElement;

  function setCookie(name, value) {
    document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax`;
  }

  // Relative times within a day; the exact one stays in the title.
  function relative(seconds) {
    const past = seconds >= 0, s = Math.abs(seconds);
    const text = s < 60 ? `${Math.floor(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return past ? `${text} ago` : `in ${text}`;
  }
  function showMoments(scope) {
    for (const time of scope.querySelectorAll("time[data-moment]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      if (!time.dataset.exact) time.dataset.exact = time.textContent;
      time.textContent = Math.abs(seconds) < 86400 ? relative(seconds) : time.dataset.exact;
    }
  }
  function tick() {
    const clock = document.querySelector("[data-clock]");
    if (clock) clock.textContent = new Date().toISOString().slice(11, 16);
    showMoments(document);
  }

  // Charts: the option is JSON beside the element, so that no script stands in the page.
  const charts = new Map();
  let loading = null;
  function chartLibrary() {
    if (window.echarts) return Promise.resolve();
    loading = loading || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.querySelector("[data-echarts]").dataset.echarts;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  }
  function themed(option) {
    const style = getComputedStyle(root);
    const ink = style.getPropertyValue("--gk-ink").trim(), line = style.getPropertyValue("--gk-line").trim();
    const resolve = (node) => {
      if (typeof node === "string" && node.startsWith("var(")) return style.getPropertyValue(node.slice(4, -1)).trim();
      if (Array.isArray(node)) return node.map(resolve);
      if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value)]));
      return node;
    };
    const axis = (value) => [].concat(value || []).map((item) => ({
      ...item, axisLabel: { color: ink, ...item.axisLabel }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } },
    }));
    const result = resolve(option);
    if (result.xAxis) result.xAxis = axis(result.xAxis);
    if (result.yAxis) result.yAxis = axis(result.yAxis);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return { aria: { enabled: true }, textStyle: { color: ink, fontFamily: "inherit" }, animation: !still, animationDuration: 200, backgroundColor: "transparent", ...result };
  }
  function drawCharts(scope) {
    const places = scope.querySelectorAll("[data-chart]");
    if (!places.length) return;
    chartLibrary().then(() => {
      for (const place of places) {
        const option = JSON.parse(document.getElementById(place.dataset.chart).textContent);
        const chart = charts.get(place) || window.echarts.init(place);
        charts.set(place, chart);
        chart.setOption(themed(option), true);
      }
    });
  }
  function redrawCharts() {
    for (const place of charts.keys()) if (!place.isConnected) { charts.get(place).dispose(); charts.delete(place); }
    drawCharts(document);
  }
  addEventListener("resize", () => charts.forEach((chart) => chart.resize()));

  // Rows by j and k.
  function moveRow(step) {
    const rows = [...document.querySelectorAll("[data-row], main table tbody tr")].filter((row) => row.offsetParent);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("is-current"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
    rows.forEach((row) => row.classList.remove("is-current"));
    next.classList.add("is-current");
    next.scrollIntoView({ block: "nearest" });
    const link = next.querySelector("a");
    if (link) link.focus({ preventScroll: true });
  }
  const places = { h: "/", m: "/matrix/", s: "/registry/sites/", a: "/availability/", o: "/good-sites/", t: "/tests/" };
  let isGoing = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") document.querySelectorAll("details[open].account, details[open].menu-toggle").forEach((d) => { d.open = false; });
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (isGoing && places[event.key]) { location.href = places[event.key]; return; }
    isGoing = event.key === "g";
    if (event.key === "/") { event.preventDefault(); document.getElementById("topsearch").focus(); }
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (event.key === "j") moveRow(1);
    else if (event.key === "k") moveRow(-1);
  });

  // Browsers offer the clipboard over TLS and on this machine only; elsewhere the old command does it.
  function toClipboard(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    return Promise.resolve();
  }
  addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = copy.dataset.copy.startsWith("#") ? document.querySelector(copy.dataset.copy).textContent : copy.dataset.copy || location.href;
      toClipboard(text).then(() => { const label = copy.textContent; copy.textContent = "Copied"; setTimeout(() => { copy.textContent = label; }, 1500); });
    }
    if (event.target.closest("[data-keys]")) document.getElementById("keys").showModal();
    if (event.target.closest("[data-wrap]")) document.querySelector(event.target.closest("[data-wrap]").dataset.wrap).classList.toggle("is-wrapped");
    if (event.target.closest("[data-theme-toggle]")) {
      const order = ["auto", "light", "dark"];
      root.dataset.theme = order[(order.indexOf(root.dataset.theme) + 1) % 3];
      setCookie("theme", root.dataset.theme);
      window.gridkeeperApplyTheme();
      redrawCharts();
      const button = document.querySelector("[data-theme-toggle]");
      button.title = `Theme: ${root.dataset.theme}`;
    }
  });
  // While the page shows the past, links and searches inside the portal stay there; the banner leads back to now.
  const past = new URLSearchParams(location.search).get("as_of");
  if (past && document.querySelector("[data-as-of]")) {
    addEventListener("click", (event) => {
      const link = event.target.closest("a[href]");
      if (!link || link.origin !== location.origin || link.closest("[data-as-of]") || link.hash && link.pathname === location.pathname) return;
      const url = new URL(link.href);
      if (!url.searchParams.has("as_of")) { url.searchParams.set("as_of", past); link.href = url; }
    }, true);
    addEventListener("submit", (event) => {
      const form = event.target;
      if (form.method !== "get" || form.elements.namedItem("as_of")) return;
      const field = document.createElement("input");
      field.type = "hidden"; field.name = "as_of"; field.value = past;
      form.append(field);
    }, true);
    document.addEventListener("htmx:configRequest", (event) => {
      if (event.detail.verb === "get" && !event.detail.parameters.as_of) event.detail.parameters.as_of = past;
    });
  }
  // Read-only: what would be refused cannot be sent. Signing in and out, and ending the mode, can.
  function lockForms() {
    if (!document.querySelector("[data-read-only]")) return;
    for (const button of document.querySelectorAll("main form[method=post]:not(.signin):not([data-always]) button:not([type=button])")) {
      button.disabled = true;
      button.title = "Read-only for now";
    }
  }
  addEventListener("change", (event) => { if (event.target.closest("[data-autosubmit]")) event.target.form.requestSubmit(); });

  // Before the new part is painted, so that no time is seen to change.
  document.addEventListener("htmx:afterSwap", () => { showMoments(document); lockForms(); });
  document.addEventListener("htmx:afterSettle", redrawCharts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (root.dataset.theme === "auto") redrawCharts(); });
  tick();
  setInterval(tick, 10000);
  drawCharts(document);
  lockForms();
})();
