// Tells the server where this browser is: times stand in that zone for whoever chose none, from the next page on.

const YEAR_SECONDS = 31_536_000;

export function tellTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `time_zone=${zone}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}
