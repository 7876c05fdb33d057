// Uppy without its own pages, for a page of another origin; `sendFile` is what the test calls.

import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

globalThis.sendFile = async ({ endpoint, token, bytes, options }) => {
  const content = new Uint8Array(bytes).map((_, index) => (index * 31 + (index >> 8)) & 255);
  const uppy = new Uppy();
  uppy.use(Tus, { endpoint, headers: { Authorization: `Bearer ${token}` }, retryDelays: [100, 300], ...options });
  const progress = [];
  uppy.on("upload-progress", (_file, { bytesUploaded }) => progress.push(bytesUploaded));
  uppy.addFile({ name: "订单.csv", type: "text/csv", data: new Blob([content]) });
  const { successful, failed } = await uppy.upload();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return {
    url: successful[0]?.uploadURL,
    errors: failed.map((file) => String(file.error)),
    steps: progress.length,
    sent: progress.at(-1),
    sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
};
