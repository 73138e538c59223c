/* Runs before the first paint, so that no page flashes in the wrong theme. */
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("xinfer.theme");
  } catch (refused) {
    chosen = null;
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
