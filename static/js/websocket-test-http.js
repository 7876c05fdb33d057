// What a button of /websocket-test asks of the server over HTTP.

/** The answer; throws an `Error` with the sentence that the server gave. */
export const post = (url, body) => request("POST", url, body === undefined ? undefined : JSON.stringify(body));

/** The same with any method, and a body that is text already. */
export async function request(method, url, body, type = "application/json") {
  const response = await fetch(url, { method, headers: body === undefined ? {} : { "Content-Type": type }, body });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.detail ?? answer?.title ?? response.statusText);
  return answer;
}

/** Run what a form asks for; what goes wrong is said below it. */
export function onSubmit(form, handle) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = form.closest(".card").querySelector("[data-error]");
    line.hidden = true;
    try {
      await handle(form.elements, event);
    } catch (error) {
      line.textContent = error.message;
      line.hidden = false;
    }
  });
}
