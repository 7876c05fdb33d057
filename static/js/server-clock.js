// What time it is for the server. Its timestamps are compared with this, never with the clock of this machine, which
// may be an hour off.

let offset = null; // how far the server's clock is ahead of ours, in milliseconds

export const setClockOffset = (milliseconds) => {
  offset = milliseconds;
};

// Null until a live message has told: then whoever wants to compare leaves things as the server rendered them.
export const serverNow = () => (offset === null ? null : Date.now() + offset);
