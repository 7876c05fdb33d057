// A provider of OpenID Connect by others. It says its issuer, is told in a line the address of who signs people in by
// it, and says `ready`.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);

const lines = createInterface({ input: process.stdin });
const [origin] = await once(lines, "line");
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "jindu",
      client_secret: "a secret: of / jindu",
      redirect_uris: [`${origin}/login/openid/callback`],
      post_logout_redirect_uris: [`${origin}/login`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "groups"], profile: ["preferred_username"], email: ["email", "email_verified"] },
  async findAccount(_context, id) {
    const claims = { sub: id, preferred_username: id, email: `${id}@example.com`, email_verified: true };
    return { accountId: id, claims: async () => (id.startsWith("staff") ? { ...claims, groups: ["staff"] } : claims) };
  },
});
server.on("request", provider.callback());
console.log("ready");
lines.on("close", () => process.exit());
