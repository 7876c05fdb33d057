// Proposes the time zone of this browser.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const select = document.getElementById("time_zone");
if ([...select.options].some((option) => option.value === zone)) select.value = zone;
