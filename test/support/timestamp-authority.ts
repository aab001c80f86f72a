import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWithOpenssl } from './foreign-parts.ts';
import { describeStores, type OpenStore } from './stores.ts';

export interface TimestampAuthority {
  readonly url: string;
  /** Of its CA's certificate. */
  readonly caFile: string;
  /** Requests so far. */
  readonly requests: number;
  /** What is sent in place of an answer; undefined: what OpenSSL answers. */
  answer: ((genuine: Buffer) => Buffer) | undefined;
  /** DER of the answer to a request. */
  reply(request: Buffer): Promise<Buffer>;
  stop(): Promise<void>;
}

const CONFIGURATION = `[ tsa ]
default_tsa = it
[ it ]
serial = SERIAL
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
`;

/** A suite over every store, with authorities that OpenSSL plays. */
export function describeStampedStores(name: string, suite: (openStore: OpenStore) => void): void {
  describeWithOpenssl(name, () => {
    describeStores(name, suite);
  });
}

/**
 * The time stamp authority of OpenSSL behind HTTP (RFC 3161 section 3.4), with a CA of its own.
 *
 * @param key what `openssl req -newkey` takes
 */
export async function startTimestampAuthority(
  key: readonly string[] = ['rsa:2048'],
): Promise<TimestampAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-tsa-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...parameters: readonly string[]): void => {
    execFileSync('openssl', parameters, { stdio: 'pipe' });
  };
  const created = (name: string): readonly string[] => ['-nodes', '-keyout', at(`${name}.key`)];
  openssl('req', '-x509', '-newkey', 'rsa:2048', ...created('ca'), '-out', at('ca.crt'), '-days', '9', '-subj', '/CN=CA', '-addext', 'basicConstraints=critical,CA:TRUE'); // prettier-ignore
  openssl('req', '-newkey', ...key, ...created('tsa'), '-out', at('tsa.csr'), '-subj', '/CN=TSA');
  await writeFile(
    at('extensions'),
    `extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n`,
  );
  openssl('x509', '-req', '-in', at('tsa.csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '9', '-out', at('tsa.crt'), '-extfile', at('extensions')); // prettier-ignore
  await writeFile(at('tsa.cnf'), CONFIGURATION.replace('SERIAL', at('serial')));
  await writeFile(at('serial'), '01\n');

  async function reply(request: Buffer): Promise<Buffer> {
    await writeFile(at('request.tsq'), request);
    openssl('ts', '-reply', '-config', at('tsa.cnf'), '-section', 'it', '-queryfile', at('request.tsq'), '-signer', at('tsa.crt'), '-inkey', at('tsa.key'), '-out', at('answer.tsr')); // prettier-ignore
    return readFile(at('answer.tsr'));
  }

  const authority = { requests: 0, answer: undefined as TimestampAuthority['answer'] };
  const server = createServer((request, response) => {
    authority.requests += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void reply(Buffer.concat(chunks)).then((genuine) => {
        response.setHeader('content-type', 'application/timestamp-reply');
        response.end(authority.answer?.(genuine) ?? genuine);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(authority, {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    caFile: at('ca.crt'),
    reply,
    async stop() {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true });
    },
  });
}
