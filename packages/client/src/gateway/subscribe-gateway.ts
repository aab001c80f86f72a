import { SecurityError } from '@aduana/core/errors/security-error';
import type { OpenPeer, SecureStream } from '@aduana/core/mtls-client/secure-client';
import { createEventReader } from '@aduana/core/wire/event-stream';
import type { GatewayError, GatewayRequest } from './gateway-client.ts';

/** One message of a stream: the result of one event (GraphQL section 6.2.3). */
export interface GatewayMessage {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GatewayError[];
}

/** A subscription that was opened, or refused. */
export interface GatewayStream {
  /** The HTTP status: 200 where there is a stream. */
  readonly status: number;
  /** The id of the stream's `stream.open` event in the audit log. */
  readonly auditId: string | undefined;
  /** Why there is no stream, where the status is not 200. */
  readonly refused: readonly GatewayError[];
  /**
   * The messages as they come. What comes faster than it is read waits.
   *
   * @throws SecurityError `GATEWAY_UNAVAILABLE`, from the generator, where the stream breaks off: subscribe again
   */
  readonly messages: AsyncGenerator<GatewayMessage, void, undefined>;
  /** Ends the stream, and its messages after those that have come. */
  close(): void;
}

const TIMEOUT_MS = 35_000;
const MESSAGE_CHARACTERS = 67_108_864;
const REFUSAL_BYTES = 1_048_576;
const MOST_WAITING = 100;

/**
 * Opens a subscription at the gateway, over the peer's mTLS connection. The gateway has 35 s to answer.
 *
 * @throws SecurityError `GATEWAY_UNAVAILABLE` (the peer's failure code) when the gateway does not answer. A refusal by the
 *   gateway does not throw: it is in `status` and `refused`
 * @example
 * const { messages } = await subscribeGateway(client.gateway, { document: 'subscription { leadChanged { id } }', token });
 * for await (const { data } of messages) console.log(data);
 */
export async function subscribeGateway(
  gateway: Pick<OpenPeer, 'stream'>,
  { document, variables = {}, token, signal }: GatewayRequest,
): Promise<GatewayStream> {
  const stream = await gateway.stream({
    method: 'POST',
    path: '/graphql',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
    },
    body: JSON.stringify({ query: document, variables }),
    timeoutMilliseconds: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  const { status, headers } = stream;
  const auditId = headers['audit-id'];
  return {
    status,
    auditId: typeof auditId === 'string' ? auditId : undefined,
    refused: status === 200 ? [] : await readRefusal(stream),
    ...(status === 200 ? readMessages(stream) : { messages: nothing(), close: () => undefined }),
  };
}

async function* nothing(): AsyncGenerator<GatewayMessage, void, undefined> {
  // A refused subscription has no messages.
}

function readRefusal(stream: SecureStream): Promise<readonly GatewayError[]> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const end = (): void => {
      stream.close();
      try {
        const { errors = [] } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
          errors?: GatewayError[];
        };
        resolve(errors);
      } catch {
        resolve([]);
      }
    };
    stream.read({
      onData(chunk) {
        size += chunk.length;
        chunks.push(chunk);
        if (size > REFUSAL_BYTES) end();
      },
      onEnd: end,
    });
  });
}

/** What has come and was not read yet. */
interface Inbox {
  readonly waiting: GatewayMessage[];
  end: { readonly error: Error | undefined } | undefined;
  wake: () => void;
}

function readMessages(stream: SecureStream): Pick<GatewayStream, 'messages' | 'close'> {
  const inbox: Inbox = { waiting: [], end: undefined, wake: () => undefined };
  const { waiting } = inbox;
  const finish = (error: Error | undefined): void => {
    inbox.end ??= { error };
    inbox.wake();
  };
  const reader = createEventReader(MESSAGE_CHARACTERS, ({ event, data }) => {
    if (event === 'complete') finish(undefined);
    else if (event === 'next') waiting.push(JSON.parse(data) as GatewayMessage);
    if (waiting.length >= MOST_WAITING) stream.pause();
    inbox.wake();
  });
  stream.read({
    onData(chunk) {
      try {
        reader.read(chunk);
      } catch (error) {
        finish(brokenOff(error));
      }
    },
    onEnd: (error) => {
      finish(brokenOff(error));
    },
  });
  return {
    messages: drainInbox(inbox, stream),
    close() {
      stream.close();
      finish(undefined);
    },
  };
}

async function* drainInbox(
  inbox: Inbox,
  stream: SecureStream,
): AsyncGenerator<GatewayMessage, void, undefined> {
  try {
    for (;;) {
      const message = inbox.waiting.shift();
      if (message !== undefined) yield message;
      else if (inbox.end !== undefined) {
        if (inbox.end.error !== undefined) throw inbox.end.error;
        return;
      } else {
        stream.resume();
        await new Promise<void>((resolve) => (inbox.wake = resolve));
      }
    }
  } finally {
    stream.close();
  }
}

function brokenOff(cause: unknown): SecurityError {
  return new SecurityError('GATEWAY_UNAVAILABLE', { detail: 'the stream broke off', cause });
}
