// The slider of time: moving it tells the instant at once, letting go shows the page as it stood then. The place in the
// table and the slider's focus stay. Without it the links beside it do the same.
"use strict";
(function () {
  const slider = document.querySelector("[data-time-slider]");
  if (!slider) return;
  const range = slider.querySelector("input"), output = slider.querySelector("output");
  const base = Number(slider.dataset.base), step = Number(slider.dataset.stepS);
  const KEY = "time-slider", PAUSE_MS = 400;
  range.hidden = false;

  function chosen() {
    return new Date((base + Number(range.value) * step) * 1000);
  }
  function words() {
    if (range.value === "0") return "now";
    const at = chosen(), two = (number) => String(number).padStart(2, "0");
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
  }
  function show() {
    const url = new URL(location.href);
    if (range.value === "0") url.searchParams.delete("as_of");
    else url.searchParams.set("as_of", chosen().toISOString().replace(/\.\d+Z$/, "Z"));
    const scroller = document.querySelector(".matrix-scroll");
    const place = { left: scroller ? scroller.scrollLeft : 0, top: scroller ? scroller.scrollTop : 0, y: scrollY };
    sessionStorage.setItem(KEY, JSON.stringify(place));
    document.body.classList.add("is-travelling");
    location.assign(url);
  }

  // Keys change the value with every press: what is shown follows when they rest.
  let waiting = 0;
  range.addEventListener("input", () => {
    output.textContent = words();
    range.setAttribute("aria-valuetext", words());
    clearTimeout(waiting);
  });
  range.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE_MS);
  });

  const kept = sessionStorage.getItem(KEY);
  if (kept) {
    sessionStorage.removeItem(KEY);
    const place = JSON.parse(kept), scroller = document.querySelector(".matrix-scroll");
    if (scroller) scroller.scrollTo(place.left, place.top);
    scrollTo(0, place.y);
    range.focus({ preventScroll: true });
  }
})();
