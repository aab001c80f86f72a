import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
export const SESSION_REVOKED = `${CAEP}/session-revoked`;

/** What a poll asked (RFC 8936 section 2.2). */
export interface ReceivedPoll {
  readonly ack?: readonly string[];
  readonly setErrs?: Readonly<Record<string, { readonly err: string; readonly description: string }>>;
}

/** An identity provider of a test: signs its users' tokens and security event tokens with `jose`, and can be polled. */
export interface Transmitter {
  readonly issuer: string;
  /** A user's JWT. */
  signUser(sub: string, claims?: object): Promise<string>;
  /** A security event token; `claims` replace those that it has. */
  sign(claims?: object, header?: object): Promise<string>;
  /** To be delivered until they are acknowledged or refused. */
  readonly waiting: Map<string, string>;
  readonly polls: ReceivedPoll[];
  /** What a poll has to show. */
  token: string;
  /** Ends its listener and all connections; `start` goes on at the same port with what is waiting. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function openTransmitter(): Promise<Transmitter> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'idp-1', alg: 'ES256', use: 'sig' };
  const waiting = new Map<string, string>();
  const polls: ReceivedPoll[] = [];
  let server: Server;
  let port = 0;
  let issued = 0;

  const answerPoll = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.headers.authorization !== `Bearer ${transmitter.token}`) {
      response.writeHead(401).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const poll = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ReceivedPoll;
    polls.push(poll);
    for (const jti of [...(poll.ack ?? []), ...Object.keys(poll.setErrs ?? {})]) waiting.delete(jti);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ sets: Object.fromEntries(waiting), moreAvailable: false }));
  };
  const start = async (): Promise<void> => {
    server = createServer((request, response) => {
      if (request.url === '/poll') void answerPoll(request, response).catch(() => response.destroy());
      else response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  const issuer = `http://127.0.0.1:${String(port)}`;
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const transmitter: Transmitter = {
    issuer,
    signUser: (sub, claims = {}) =>
      new SignJWT({
        iss: issuer,
        aud: 'aduana',
        sub,
        groups: ['sales'],
        iat: seconds(),
        exp: seconds() + 300,
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'idp-1' })
        .sign(pair.privateKey),
    sign: (claims = {}, header = {}) =>
      new SignJWT({
        iss: issuer,
        aud: 'aduana-events',
        jti: `set-${String((issued += 1))}`,
        iat: seconds(),
        sub_id: { format: 'iss_sub', iss: issuer, sub: 'ana' },
        events: { [SESSION_REVOKED]: { event_timestamp: seconds() } },
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'idp-1', typ: 'secevent+jwt', ...header })
        .sign(pair.privateKey),
    waiting,
    polls,
    token: 'poll-token',
    start,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return transmitter;
}
