// The HTTP API in Swagger UI; "Try it out" uses the session of whoever is signed in.

const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

// Swagger UI has its own dark mode, by a class on <html>.
function followTheme() {
  const chosen = root.dataset.theme;
  root.classList.toggle("dark-mode", chosen === "dark" || (chosen !== "light" && dark.matches));
}

followTheme();
dark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });

const element = document.getElementById("swagger-ui");
window.SwaggerUIBundle({
  url: element.dataset.document,
  domNode: element,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null, // never ask a server elsewhere
});
