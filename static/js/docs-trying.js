// Sending a request from its description: as whoever is signed in, or with a token that stays on this page.

import { ask } from "./dialog.js";
import { filesize, t } from "./i18n.js";

const MOST_SHOWN = 20_000; // characters of an answer; the rest can be downloaded
const TEXT = /^(application\/(json|yaml|problem\+json|jsonl|x-ndjson)|text\/)/;

export function startTrying() {
  const token = document.querySelector("[data-token]");
  if (!token) return;
  token.hidden = false;
  token.addEventListener("submit", (event) => event.preventDefault());
  for (const details of document.querySelectorAll("[data-try]")) {
    details.hidden = false;
    details.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      send(event.target, token.querySelector("input").value.trim());
    });
  }
}

async function send(form, token) {
  if (!form.reportValidity()) return;
  const { method } = form.dataset;
  const request = asked(form, token);
  if (method === "DELETE" && !(await sure(request))) return;
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  const begin = performance.now();
  try {
    const response = await fetch(request);
    const body = await response.blob();
    await show(form, response, body, performance.now() - begin);
  } catch {
    tell(form, [t("The server cannot be reached.")]);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const sure = ({ method, url }) =>
  ask({
    title: t("Send {method}?", { method }),
    text: t("It is done for real: {address}", { address: new URL(url).pathname }),
    confirmLabel: t("Send"),
    danger: true,
  });

function asked(form, token) {
  const headers = new Headers(token ? { Authorization: `Bearer ${token}` } : {});
  let address = form.getAttribute("action");
  const query = new URLSearchParams();
  let body;
  for (const field of form.querySelectorAll("[data-place]")) {
    const { place, type } = field.dataset;
    for (const value of "list" in field.dataset ? field.value.split("\n") : [field.value]) {
      if (!value) continue;
      if (place === "path") address = address.replace(`{${field.name}}`, encodeURIComponent(value));
      if (place === "query") query.append(field.name, value);
      if (place === "header") headers.set(field.name, value);
      if (place === "body") body = value;
    }
    if (place === "body" && body) headers.set("Content-Type", "application/json");
    if (place === "file" && field.files.length) {
      body = type.startsWith("multipart/") ? new FormData() : field.files[0];
      if (body instanceof FormData) body.append("file", field.files[0]);
      else headers.set("Content-Type", type.startsWith("image/") ? field.files[0].type : type);
    }
  }
  const url = new URL(address + (query.size ? `?${query}` : ""), location.href);
  return new Request(url, { method: form.dataset.method, headers, body, credentials: token ? "omit" : "same-origin" });
}

async function show(form, response, body, milliseconds) {
  const type = response.headers.get("Content-Type") ?? "";
  const size = response.status === 204 || form.dataset.method === "HEAD" ? "" : filesize(body.size);
  const took = t("{number} ms", { number: Math.round(milliseconds) });
  tell(form, [`${response.status} ${response.statusText}`, took, size, type], response.ok);
  const pre = form.querySelector(".docs__result pre");
  const text = TEXT.test(type) ? readable(await body.text(), type) : "";
  pre.textContent = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  pre.hidden = !text;
  const button = form.querySelector("[data-download]");
  button.hidden = !body.size || (text && text.length <= MOST_SHOWN);
  button.onclick = () => save(body, nameOf(response) ?? "answer");
}

function save(body, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(body);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function tell(form, parts, isGood = false) {
  const [status, ...rest] = parts.filter(Boolean);
  const badge = document.createElement("span");
  badge.className = `badge ${isGood ? "badge--success" : "badge--danger"}`;
  badge.textContent = status;
  form.querySelector("[role=status]").replaceChildren(badge, rest.join(" · "));
  form.querySelector(".docs__result").hidden = false;
  form.querySelector(".docs__result pre").hidden = true;
}

function readable(text, type) {
  if (!type.includes("json") || type.includes("jsonl") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const nameOf = (response) => /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
