// How a connection ends: the close codes that clients act on (docs/protocol.md has them all).

export const LOST = 1006; // as browsers say when a socket ends without a word
export const FIRST_TO_STAY_AWAY = 4500; // but for 4505: who is a browser may ask again now and then
export const SIGNED_OUT = 4500;
export const REPLACED = 4501;
export const FORBIDDEN = 4502;
export const CONNECTION_LIMIT = 4505;

/** The reason, with SIGNED_OUT, when the browser is signed in as somebody else than the page is for. */
export const ANOTHER_USER = "somebody else is signed in";
