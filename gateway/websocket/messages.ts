import type { SecurityError } from '@aduana/core/errors/security-error';

/** What a client sends (graphql-transport-ws, PROTOCOL). */
export type ClientMessage =
  | { readonly type: 'connection_init'; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly type: 'ping'; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly type: 'pong' }
  | { readonly type: 'subscribe'; readonly id: string; readonly payload: unknown }
  | { readonly type: 'complete'; readonly id: string };

/** Why a connection is closed. */
export const CLOSE = {
  goingAway: [1001, 'Going away'],
  tooBig: [1009, 'Message too big'],
  tryAgainLater: [1013, 'Try again later'],
  badRequest: [4400, 'Invalid message'],
  unauthorized: [4401, 'Unauthorized'],
  forbidden: [4403, 'Forbidden'],
  subprotocol: [4406, 'Subprotocol not acceptable'],
  initTimeout: [4408, 'Connection initialisation timeout'],
  messageTimeout: [4408, 'Message timeout'],
  subscriberExists: [4409, 'Subscriber already exists'],
  tooManyInits: [4429, 'Too many initialisation requests'],
  tooManyPings: [4429, 'Too many pings with credentials'],
  internal: [4500, 'Internal server error'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;

export type Close = (typeof CLOSE)[keyof typeof CLOSE];

/** Of a message that is refused before it is whole; where there is no room now, clients may connect again. */
export function closeOf({ code }: SecurityError): Close {
  if (code === 'PAYLOAD_TOO_LARGE') return CLOSE.tooBig;
  return code === 'REQUEST_TIMEOUT' ? CLOSE.messageTimeout : CLOSE.tryAgainLater;
}

const LONGEST_ID = 256;

/** Undefined for what is no message of the protocol. */
export function readMessage(text: string): ClientMessage | undefined {
  const message = parse(text);
  if (message === undefined) return undefined;
  const { type, id, payload } = message;
  switch (type) {
    case 'connection_init':
    case 'ping':
      if (payload !== undefined && payload !== null && !isObject(payload)) return undefined;
      return { type, payload: payload ?? {} };
    case 'pong':
      return { type };
    case 'subscribe':
      return isId(id) && isObject(payload) ? { type, id, payload } : undefined;
    case 'complete':
      return isId(id) ? { type, id } : undefined;
    default:
      return undefined;
  }
}

/** The credentials that came with a message. */
export function authorizationOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  const value = payload['Authorization'] ?? payload['authorization'];
  return typeof value === 'string' ? value : undefined;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= LONGEST_ID;
}
