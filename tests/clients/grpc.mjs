// @grpc/grpc-js asks, is refused, sends a file and follows; a line of JSON for each thing that came of it.
import { credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const includeDirs = [process.env.JINDU_PROTOS];
const definition = loadSync("jindu/v1/jindu.proto", { includeDirs, enums: String, longs: Number, defaults: true });
const { Jobs, Live, Uploads } = loadPackageDefinition(definition).jindu.v1;
const address = process.env.JINDU_GRPC;
const say = (line) => console.log(JSON.stringify(line));
const jobs = new Jobs(address, credentials.createInsecure());
const live = new Live(address, credentials.createInsecure());
const uploads = new Uploads(address, credentials.createInsecure());
const mine = new Metadata();
mine.set("authorization", `Bearer ${process.env.JINDU_TOKEN}`);

const asked = (client, method, request, metadata = mine) =>
  new Promise((resolve, reject) =>
    client[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
const refused = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return { status: status[error.code], code: error.metadata.get("jindu-code")[0] ?? null };
  }
  return null;
};

say({ total: (await asked(jobs, "list", {})).total });
say(await refused(asked(jobs, "get", { jobId: "none" })));
say(await refused(asked(jobs, "list", {}, new Metadata())));
const { job } = await asked(jobs, "start", { external: { title: "Node", total: 3 } });
say({ state: job.state });
const told = await new Promise((resolve, reject) => {
  const report = jobs.report(mine, (error, answer) => (error ? reject(error) : resolve(answer)));
  for (const progress of [1, 2, 3]) report.write({ jobId: job.jobId, progress });
  report.end({ state: "JOB_STATE_SUCCEEDED" });
});
say({ state: told.job.state, progress: told.job.progress });
const sent = await new Promise((resolve, reject) => {
  const put = uploads.put(mine, (error, answer) => (error ? reject(error) : resolve(answer)));
  put.write({ new: { name: "node.csv", size: 300_000 } });
  for (let piece = 0; piece < 3; piece += 1) put.write({ chunk: Buffer.alloc(100_000, "a") });
  put.end();
});
say({ offset: sent.upload.offset, name: sent.upload.name });

let since = "";
function watch() {
  const stream = live.watch({ since, clientId: "node" }, mine);
  stream.on("data", ({ type, position, json, recovered }) => {
    since = position || since;
    if (type === "connection") say({ type, recovered });
    else if (type === "notification") {
      const { title } = JSON.parse(json);
      say({ type, title });
      if (title === "the last") process.exit(0);
    }
  });
  stream.on("error", (error) => {
    if (error.code === status.UNAVAILABLE) {
      say({ code: error.metadata.get("jindu-code")[0], reconnect: error.metadata.get("jindu-reconnect")[0] });
      watch();
    }
  });
}
watch();
