// A real provider of OpenID Connect on a port of its own: `node openid_provider.mjs CALLBACK… `; says `ready ISSUER`.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [logout, ...callbacks] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "jindu",
        client_secret: "a secret: of / jindu",
        redirect_uris: callbacks,
        post_logout_redirect_uris: [logout],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: { openid: ["sub", "groups"], profile: ["preferred_username", "name"], email: ["email", "email_verified"] },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    async findAccount(_context, id) {
      const claims = { sub: id, preferred_username: id, email: `${id}@example.com`, email_verified: true };
      return { accountId: id, claims: async () => (id.startsWith("staff-") ? { ...claims, groups: ["staff"] } : claims) };
    },
  });
  server.on("request", provider.callback());
  console.log(`ready ${issuer}`);
});
