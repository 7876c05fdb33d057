// Tells the server where this browser is: times stand in that zone for whoever chose none, from the next page on.

import { ownCookie } from "./addresses.js";

const YEAR_SECONDS = 31_536_000;

export function tellTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { name, path } = ownCookie("time_zone");
  if (zone) document.cookie = `${name}=${zone}; path=${path}; max-age=${YEAR_SECONDS}; samesite=lax`;
}
