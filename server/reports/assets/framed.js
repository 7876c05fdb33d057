// In a frame of another page: says how high the report is, so that nothing scrolls in it, and prints when asked to.
(function () {
  "use strict";
  if (parent === window) { return; }
  function tell() {
    parent.postMessage({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) }, "*");
  }
  addEventListener("message", function (event) {
    if (event.source !== parent) { return; }
    if (event.data === "height") { tell(); }
    if (event.data === "print") { print(); }
  });
  tell(); // a frame that is not in view yet is not drawn, and observes nothing
  new ResizeObserver(tell).observe(document.documentElement);
})();
