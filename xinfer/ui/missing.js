/* What did not arrive is asked for again, once; then the page says so. Without it, it would stay empty. */
addEventListener(
  "error",
  function (event) {
    if (!(event.target instanceof HTMLScriptElement)) return;
    var arrived = performance.getEntriesByType("navigation")[0];
    if (!arrived || arrived.type !== "reload") {
      location.reload();
      return;
    }
    var said = document.createElement("p");
    said.textContent = "A part of this page did not arrive. Is the server still running?";
    var again = document.createElement("button");
    again.className = "btn";
    again.textContent = "Load it again";
    again.addEventListener("click", function () {
      location.reload();
    });
    var place = document.createElement("main");
    place.className = "empty";
    place.setAttribute("role", "alert");
    place.append(said, again);
    document.body.replaceChildren(place);
  },
  true,
);
