// Reads what a push service was sent as a browser would: one JSON object a line in, the text that it held out.
import { createECDH } from "node:crypto";
import { createInterface } from "node:readline";
import ece from "http_ece";

for await (const line of createInterface({ input: process.stdin })) {
  const { body, key, auth } = JSON.parse(line);
  const privateKey = createECDH("prime256v1");
  privateKey.setPrivateKey(key, "base64url");
  const options = { version: "aes128gcm", privateKey, authSecret: auth };
  console.log(ece.decrypt(Buffer.from(body, "base64url"), options).toString());
}
