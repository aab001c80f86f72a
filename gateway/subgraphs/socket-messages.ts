/** What a subgraph sends over a connection of one operation (graphql-transport-ws, PROTOCOL). */
export type ServerMessage =
  | { readonly type: 'connection_ack' | 'ping' | 'pong' | 'complete' }
  | { readonly type: 'next'; readonly payload: unknown }
  | { readonly type: 'error'; readonly payload: unknown };

/** The one operation of a connection. */
const ID = '1';

export const INIT = '{"type":"connection_init"}';
export const PONG = '{"type":"pong"}';
export const COMPLETE = `{"id":"${ID}","type":"complete"}`;

/** @param body the JSON of the request, `{"query":...,"variables":...}` */
export function subscribeMessage(body: string): string {
  return `{"id":"${ID}","type":"subscribe","payload":${body}}`;
}

/** Undefined for what is no message of the protocol, or of an operation that was not asked for. */
export function readServerMessage(text: string): ServerMessage | undefined {
  const message = parse(text);
  if (typeof message !== 'object' || message === null) return undefined;
  const { type, id, payload } = message as Readonly<Record<string, unknown>>;
  switch (type) {
    case 'connection_ack':
    case 'ping':
    case 'pong':
      return { type };
    case 'complete':
      return id === ID ? { type } : undefined;
    case 'next':
    case 'error':
      return id === ID ? { type, payload } : undefined;
    default:
      return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
