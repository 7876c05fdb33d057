// The newest known state of each of my jobs, merged from snapshots and pushes by revision, in whatever order they come.

export const isFinal = (job) => ["succeeded", "failed", "cancelled"].includes(job.state);

export class JobTable {
  #jobs = new Map();
  #listeners = new Set();

  // Hear of each change: `listener(job, before)`.
  listen(listener) {
    this.#listeners.add(listener);
  }

  get(id) {
    return this.#jobs.get(id);
  }

  running() {
    return [...this.#jobs.values()].filter((job) => !isFinal(job));
  }

  // False when something newer is known already.
  apply(job) {
    const before = this.#jobs.get(job.job_id);
    if (before && before.revision >= job.revision) return false;
    this.#jobs.set(job.job_id, forward(job, before));
    for (const listener of this.#listeners) listener(this.#jobs.get(job.job_id), before);
    return true;
  }

  // It was deleted.
  forget(id) {
    this.#jobs.delete(id);
  }

  // A whole snapshot of live jobs: what it does not name is no longer live.
  replace(jobs) {
    const named = new Set(jobs.map((job) => job.job_id));
    for (const job of this.running()) {
      if (!named.has(job.job_id)) this.#jobs.delete(job.job_id);
    }
    for (const job of jobs) this.apply(job);
  }
}

// Within one attempt a bar never goes backwards, whatever a total's correction does to the percentage.
function forward(job, before) {
  if (!before || before.attempt !== job.attempt || job.percent == null) return job;
  return { ...job, percent: Math.max(job.percent, before.percent ?? 0) };
}
