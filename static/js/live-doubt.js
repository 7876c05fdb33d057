// A line may hang without anybody being told. A page that shows a rate and a time left would go on saying "Live" until the
// next ping: while something moves on a page that is looked at, it asks as soon as nothing comes.

const SILENCE_MS = 5_000; // a job that moves is heard of several times a second
const EVERY_MS = 1_000;

/** `isMoving()`: whether the page shows anything that would be false by now. */
export function startDoubting(live, isMoving) {
  let heardAt = performance.now();
  const heard = () => (heardAt = performance.now());
  live.on("message", heard);
  setInterval(() => {
    if (document.hidden || performance.now() - heardAt < SILENCE_MS || !isMoving()) return;
    heard(); // asked once: either the answer is heard, or the connection is lost
    live.check();
  }, EVERY_MS);
}
