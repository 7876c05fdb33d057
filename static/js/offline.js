// The page that is shown while the server cannot be reached: what was last known, and when. It imports nothing: the
// service worker keeps only what the page itself names.

(() => {
  const AGAIN_MS = 10_000;
  const { dataset, lang } = document.documentElement;
  const root = dataset.root ?? "";
  const part = (name) => document.querySelector(`[data-last="${name}"]`);

  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(`jindu-last${root}`));
    } catch {
      return null; // unreadable, or storage is forbidden
    }
  };

  const show = ({ at, unread, running }) => {
    const time = { dateStyle: "medium", timeStyle: "short", timeZone: dataset.timeZone };
    part("at").textContent = new Intl.DateTimeFormat(lang, time).format(at);
    for (const words of running) {
      const item = document.createElement("li");
      item.textContent = words;
      part("jobs").append(item);
    }
    part("jobs").hidden = running.length === 0;
    part("none").hidden = running.length > 0;
    part("unread").hidden = unread === 0;
    part("unread").textContent = part("unread").dataset.text.replace("{count}", unread);
  };

  const last = kept();
  if (last) show(last);
  document.getElementById("last").hidden = !last;
  document.getElementById("nothing").hidden = Boolean(last);

  const again = () => location.reload();
  const tryAgain = async () => {
    const response = await fetch(`${root}/healthz`).catch(() => null);
    if (response?.ok) again();
  };
  document.getElementById("again").addEventListener("click", again);
  addEventListener("online", again);
  setInterval(tryAgain, AGAIN_MS);
})();
