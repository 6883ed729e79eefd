// Before the first paint: "auto" takes the system's theme. Tells the server the reader's time zone for the next page.
(function () {
  var root = document.documentElement;
  function apply() {
    var theme = root.dataset.theme;
    if (theme === "auto") theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.setAttribute("data-bs-theme", theme);
  }
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  window.gridkeeperApplyTheme = apply;
  var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && document.cookie.indexOf("tz=" + zone) < 0) document.cookie = "tz=" + zone + ";path=/;max-age=31536000;samesite=lax";
})();
