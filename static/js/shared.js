// The pages behind a share link: no session and no live connection, only what makes them read well.

import "./report-frame.js";
import { startRevealing } from "./reveal-password.js";
import { tellTimeZone } from "./time-zone.js";

startRevealing();
const shown = document.documentElement.dataset.timeZone;
tellTimeZone();
if (shown !== Intl.DateTimeFormat().resolvedOptions().timeZone) sayTimesAnew();

// Whoever comes for the first time has told no zone yet: what has times in it is asked for once more.
async function sayTimesAnew() {
  const zoned = [...document.querySelectorAll("[data-zoned]")];
  if (!zoned.length) return;
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const element of zoned) {
    const anew = page.getElementById(element.id);
    if (anew) element.replaceChildren(...anew.childNodes);
  }
}
