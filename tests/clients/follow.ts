// What somebody's script does with jindu-client: start a job, follow it to its end, tell others and be told.

import { LiveClient, LiveError, type JobFields, type LiveState } from "jindu-client";

declare const process: { env: Record<string, string> };

const server = process.env.JINDU_URL!;
const token = process.env.JINDU_TOKEN!;
const live = new LiveClient({ url: `${server}/ws`, token: async () => token });

async function post<Answer>(path: string, body: unknown): Promise<Answer | null> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(`${server}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  return response.status === 204 ? null : ((await response.json()) as Answer);
}

const connected = new Promise<void>((resolve) => {
  live.on("state", (state: LiveState) => state === "connected" && resolve());
});
const told = new Promise<{ count: number }>((resolve) => {
  live.subscribe<{ count: number }>("kitchen", resolve);
});
live.connect();
await connected;

const refusal = await live.request({ type: "subscribe", events: ["job:none"] }).catch((error: unknown) => error);
const started = await post<{ job_id: string }>("/jobs/demonstration", { seconds: 0.2, total: 10 });
const job = await new Promise<JobFields>((resolve) => {
  const seen = (now: JobFields) => now.job_id === started!.job_id && now.state === "succeeded" && resolve(now);
  live.on("job", seen);
  live.on("jobs", ({ jobs }) => jobs.forEach(seen));
  void live.request({ type: "jobs" });
});
await post("/events/kitchen", { count: 3 });

console.log(
  JSON.stringify({
    job: [job.state, job.progress, job.total],
    told: await told,
    transport: live.transport,
    refused: refusal instanceof LiveError && refusal.code,
  }),
);
live.close();
