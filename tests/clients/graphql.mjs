// What programs in Node do with graphql-ws and graphql-sse: `node graphql.mjs sockets|streams`; each line of the output
// says what has come. They come back by themselves, from where they were.

import { createClient as createStreams } from "graphql-sse";
import { createClient as createSockets } from "graphql-ws";

const url = `${process.env.JINDU_URL}/graphql`;
const soon = () => new Promise((done) => setTimeout(done, 50));
const NOTES = `subscription($since: String) { notifications(since: $since) {
  __typename ... on Joined { position recovered } ... on Notification { position title } } }`;

const CLIENTS = {
  sockets: (token) =>
    createSockets({
      url: url.replace("http", "ws"),
      connectionParams: { token },
      retryWait: soon,
      shouldRetry: ({ code }) => code < 4400, // from there on it would be the same again
    }),
  streams: (token) => createStreams({ url, headers: { Authorization: `Bearer ${token}` }, retry: soon, retryAttempts: 2 }),
};

const say = (told) => console.log(JSON.stringify(told));

async function first(client, query, variables) {
  for await (const result of client.iterate({ query, variables })) return result;
  return null;
}

async function follow(client) {
  const variables = { since: null }; // sent anew by both whenever they come back: nothing comes twice
  for await (const { data } of client.iterate({ query: NOTES, variables })) {
    if (!data) continue; // why a stream ended; the client comes back
    const { position, ...item } = data.notifications;
    variables.since = position;
    say(item);
    if (item.title === "the last") return;
  }
}

const make = CLIENTS[process.argv[2]];
const client = make(process.env.JINDU_TOKEN);
say(await first(client, "query($first: Int!) { me { name } jobs(first: $first) { total } }", { first: 5 }));
say(await first(client, "{ nothing }").catch((errors) => ({ errors })));
say(
  await first(make("wrong"), "{ me { name } }").then(
    () => ({ refused: null }),
    (why) => ({ refused: why.code ?? why.response?.status }),
  ),
);
await follow(client);
client.dispose();
