// What the address of a wall has behind its `#`: no server, proxy or log sees it there.

export const wallHeaders = () => ({ Authorization: `Wall ${location.hash.slice(1).replace(/[^\w-]/g, "")}` });
