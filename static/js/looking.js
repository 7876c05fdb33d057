// Says to the server whether somebody looks at this page, so that it shows them nothing they have before their eyes.

const LOOKING = "me:looking";

export function startLooking(live) {
  let stop = null;
  const look = () => {
    if (document.hidden) {
      stop?.();
      stop = null;
    } else {
      stop ??= live.subscribe(LOOKING, () => undefined);
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}
