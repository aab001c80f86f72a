import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BodyBudget } from '@aduana/core/http/body-budget';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { formatResponse } from '@aduana/core/http/format-response';
import { IncomingRequest } from '@aduana/core/http/incoming-request';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';

/** A connection that a client asks to use for another protocol (RFC 9110 section 7.8). */
export interface Upgrade {
  readonly request: ServiceRequest;
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** What bodies of requests may take together; what comes over the connection counts as well. */
  readonly bodies: BodyBudget;
  /** Answers as to any other request, and ends the connection. */
  refuse(response: ServiceResponse): void;
}

/** For how long a client may keep a connection that was refused. */
const LAST_WORDS_MS = 2_000;

/** Takes the connection over, or refuses it; it never rejects. */
export type HandleUpgrade = (upgrade: Upgrade) => Promise<void>;

export function createUpgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: PeerIdentity | undefined,
  bodies: BodyBudget,
): Upgrade {
  socket.on('error', () => socket.destroy());
  return {
    request: new IncomingRequest(message, new ServerResponse(message), peer),
    message,
    socket,
    head,
    bodies,
    refuse(response) {
      socket.end(formatResponse(response));
      setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
    },
  };
}
