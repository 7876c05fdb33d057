// What a button of /websocket-test asks of the server over HTTP.

/** The answer; throws an `Error` with the sentence that the server gave. */
export async function post(url, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: text });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.detail ?? answer?.title ?? response.statusText);
  return answer;
}

/** Run what a form asks for; what goes wrong is said below it. */
export function onSubmit(form, handle) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = (form.querySelector("[data-error]") ?? form.parentElement.querySelector("[data-error]"));
    line.hidden = true;
    try {
      await handle(form.elements, event);
    } catch (error) {
      line.textContent = error.message;
      line.hidden = false;
    }
  });
}
