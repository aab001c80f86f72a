import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';

export type Body = Record<string, unknown>;

export interface KvEntry {
  readonly versions: { data: Body; createdAt: number; deletedAt: number | undefined }[];
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Body;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly body?: Body;
}

export type Handler = (call: Call, match: RegExpExecArray) => Answer | Promise<Answer>;

export function envelope(members: Body): Body {
  return { request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0, data: null, wrap_info: null, warnings: null, auth: null, ...members }; // prettier-ignore
}

export function authOf(token: string, seconds: number): Body {
  return { client_token: token, accessor: 'accessor', policies: ['aduana'], token_policies: ['aduana'], metadata: {}, lease_duration: seconds, renewable: true }; // prettier-ignore
}

export function kvMetadata({ versions }: KvEntry): Body {
  const last = versions.at(-1);
  const at = (seconds: number | undefined): string =>
    seconds === undefined ? '' : new Date(seconds * 1000).toISOString();
  return { created_time: at(last?.createdAt), custom_metadata: null, deletion_time: at(last?.deletedAt), destroyed: false, version: versions.length }; // prettier-ignore
}

export function readKv(
  entry: KvEntry | undefined,
  fail: (status: number) => Answer,
  ok: (data: Body) => Answer,
): Answer {
  const last = entry?.versions.at(-1);
  if (entry === undefined || last === undefined) return fail(404);
  const deleted = last.deletedAt !== undefined;
  const answer = ok({ data: deleted ? null : last.data, metadata: kvMetadata(entry) });
  return { ...answer, status: deleted ? 404 : 200 };
}

export function listOf(text: unknown): string[] {
  return typeof text === 'string' && text !== '' ? text.split(',') : [];
}

export function find(
  routes: readonly [string, RegExp, Handler][],
  call: Call,
): Answer | Promise<Answer> | undefined {
  for (const [method, path, handler] of routes) {
    const match = method === call.method ? path.exec(call.path) : null;
    if (match !== null) return handler(call, match);
  }
  return undefined;
}

export async function readCall(message: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const method = message.method === 'PUT' ? 'POST' : (message.method ?? 'GET'); // Vault takes them for the same
  return {
    method,
    path: decodeURIComponent((message.url ?? '').replace(/^\/v1\//, '').replace(/\?.*$/, '')),
    body: text === '' ? {} : (JSON.parse(text) as Body),
    token: String(message.headers['x-vault-token'] ?? ''),
  };
}
