// Types of live-client.js, for pages and frameworks that use it from TypeScript.

/**
 * connecting: on its way; connected: everything is up to date; offline: trying again now and then; closed: it will not
 * come back by itself (signed out, replaced, refused, or `close()` was called).
 */
export type LiveState = "connecting" | "connected" | "offline" | "closed";

/** WebSocket, or server-sent events where those are blocked. */
export type LiveTransport = "websocket" | "sse";

export interface LiveOptions {
  /** Where to connect; default: `/ws` of the server this module came from. A program in Node must say it. */
  url?: string;
  /** Names this tab or device: 1 to 64 of `A–Z a–z 0–9 _ . -`. Default: a random one per page. */
  clientId?: string;
  /** Language of the human texts: `en`, `zh-CN`. Default: the page's. */
  language?: string;
  /** Go on after this `position`, of an earlier page perhaps. */
  since?: string;
  /** For pages of other origins: an API token, or a function that is asked for one on each connect. */
  token?: string | (() => string | Promise<string>);
  /** What may be used; default: both, WebSockets first. Node has no WebSocket of its own before version 22. */
  transports?: LiveTransport[];
  /** Whose messages these are to be, by id: when somebody else is signed in by now, the state is `closed`. */
  user?: string;
  /**
   * Pages of this browser that give the same text share one connection, where the browser can. It must differ for
   * different users and for different versions of these scripts.
   */
  share?: string;
}

export interface LiveMessage {
  type: string;
  /** When it was made: RFC 3339, UTC, by the server's clock. */
  timestamp: string;
  [field: string]: unknown;
}

export interface JobFields {
  job_id: string;
  kind: string;
  title: string;
  state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  attempt: number;
  revision: number;
  progress: number;
  total: number | null;
  unit: string;
  percent: number | null;
  rate: number | null;
  eta_seconds: number | null;
  stage: string;
  message: string;
  error: { code: string; message: string } | null;
  result: Record<string, unknown> | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  detail: Record<string, unknown>;
}

export type JobMessage = LiveMessage & JobFields;

export interface ConnectionMessage extends LiveMessage {
  type: "connection";
  status: "connected";
  client_id: string;
  connection_id: string;
  user: { id: string; name: string; role: string };
  epoch: string;
  offset: number;
  recovered: boolean;
  missed: number;
  ping_interval: number;
  pong_timeout: number;
  server: { version: string; node: string };
  message: string;
}

export interface NotificationMessage extends LiveMessage {
  type: "notification";
  title: string;
  body: string;
  level: "info" | "success" | "warning" | "error";
  url: string;
  offset?: number;
}

export interface EventMessage<Data = unknown> extends LiveMessage {
  type: "event";
  event: string;
  data: Data;
}

export interface JobsMessage extends LiveMessage {
  type: "jobs";
  jobs: JobFields[];
}

/** What `on` hears by name; other names of messages are heard as `LiveMessage`. */
export interface LiveEvents {
  connection: ConnectionMessage;
  job: JobMessage;
  file_upload_progress: JobMessage;
  data_import_progress: JobMessage;
  batch_report_progress: JobMessage;
  jobs: JobsMessage;
  notification: NotificationMessage;
  event: EventMessage;
  /** The text of every frame, before its messages. */
  frame: string;
  /** Every message, also what came before. */
  message: LiveMessage;
  /** Every command, as it was sent. */
  sent: string;
  /** Milliseconds of a ping's round trip. */
  latency: number;
  /** How far the server's clock is ahead of this machine's, in milliseconds. */
  clock: number;
  closed: { code: number; reason: string };
}

/** One live connection of one page; with `share` its part of one that the pages of this browser have together. */
export class LiveClient {
  constructor(options?: LiveOptions);

  readonly state: LiveState;
  /** What carries the messages now; null while nothing does. */
  readonly transport: LiveTransport | null;
  /** Given anew it is for the next connect. */
  clientId: string;
  /** `<epoch>:<offset>` of the last kept message we have; null before the first connection. */
  readonly position: string | null;
  /** When something last came, by the server's clock, in milliseconds since 1970; null until then. */
  readonly heardAt: number | null;
  /** Milliseconds of the last ping's round trip; null until the first. */
  readonly latency: number | null;
  /** The last `connection` message. */
  readonly connection: ConnectionMessage | null;
  /** For the next connect. */
  set token(token: NonNullable<LiveOptions["token"]>);

  /** Connect, and stay connected until `close`. */
  connect(): void;
  /** Close for good, until `connect` is called again. */
  close(): void;
  /** Drop the connection as a broken network would; it comes back. For trying that out. */
  interrupt(): void;
  /** What time it is for the server, in milliseconds since 1970. */
  now(): number;
  /** Measure the round trip now; told as `latency`. */
  ping(): void;
  /** Ask whether the other side is still there, as if somebody looked again: if not, that is known within seconds. */
  check(): void;

  /** Hear the state, also when only the transport changes. The result stops it. */
  on(type: "state", listener: (state: LiveState, detail: { transport: LiveTransport | null }) => void): () => void;
  /** Hear every message of a type. The result stops it. */
  on<Type extends keyof LiveEvents>(type: Type, listener: (content: LiveEvents[Type]) => void): () => void;
  on(type: string, listener: (message: LiveMessage) => void): () => void;
  /** Hear the publications on an event name, also after reconnecting. The result stops it. */
  subscribe<Data = unknown>(event: string, listener: (data: Data, message: EventMessage<Data>) => void): () => void;
  /** Send a command and wait for its answer; rejected with a `LiveError`. */
  request(command: { type: string; [field: string]: unknown }): Promise<LiveMessage>;
  /** Send any text as it is; whether there was a connection to send it on. */
  sendText(text: string): boolean;
}

/** Why a command was not done; `code` is stable. */
export class LiveError extends Error {
  constructor(code: string, message: string);
  code: string;
}
