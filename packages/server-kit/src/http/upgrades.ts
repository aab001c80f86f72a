import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
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
  /** Answers as to any other request, and ends the connection. */
  refuse(response: ServiceResponse): void;
}

/** Takes the connection over, or refuses it; it never rejects. */
export type HandleUpgrade = (upgrade: Upgrade) => Promise<void>;

export function createUpgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: PeerIdentity | undefined,
): Upgrade {
  socket.on('error', () => socket.destroy());
  return {
    request: new IncomingRequest(message, new ServerResponse(message), peer),
    message,
    socket,
    head,
    refuse(response) {
      socket.end(formatResponse(response));
    },
  };
}
