import { once } from 'node:events';
import { connect, isIP } from 'node:net';
import { checkBrowserRules } from '@aduana/core/http/browser-rules';
import { shownToken } from '@aduana/core/http/require-access-token';
import { parseTraceContext } from '@aduana/core/wire/trace-context';
import { parseProxyHeader } from '@aduana/server-kit/http/proxy-header';
import { openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSystemClock } from '@aduana/core/platform/clock';
import fc from 'fast-check';
import { authenticate } from '../../gateway/authenticate/authenticate.ts';
import { readGraphqlRequests } from '../../gateway/http/graphql-request.ts';
import { chooseMediaType } from '../../gateway/http/media-type.ts';
import { readTokenForm } from '../../subgraphs/sts/forms/token-form.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { accepted, type Fuzzer } from './fuzzer.ts';
import { damaged, json, NAMES } from './texts.ts';

const HEADS = [
  'POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nabcde',
  'POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
  'POST /echo HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nabcde',
  'GET /echo?query={a}&variables={} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a.b.c\r\n\r\n',
  'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /health HTTP/1.1\r\nhost: localhost\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];
const HEAD_WORDS = [
  'content-length: 1\r\n',
  'transfer-encoding: chunked\r\n',
  'host: x\r\n',
  'connection: upgrade\r\nupgrade: h2c\r\n',
  'expect: x\r\n',
  ' HTTP/1.0',
  '%00',
  '//',
  '/../',
];

/** Heads and bodies over a socket, to a service that reads and answers; its `close` ends it. */
export async function openHeadFuzzer(): Promise<Fuzzer & { close(): Promise<void> }> {
  const service = await openHttpService({
    name: 'fuzzed',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createSystemClock(), log: createLog('silent', () => undefined) },
  });
  const echo = { method: '*', path: '/echo', handle: async (request: { body(limit: number): Promise<Buffer>; query: URLSearchParams }) => ({ status: 200, body: `${request.query.size.toString()} ${(await request.body(100)).length.toString()}` }) } as const; // prettier-ignore
  service.serve([echo], () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  return {
    name: 'HTTP heads and bodies',
    property: fc.asyncProperty(damaged(HEADS, HEAD_WORDS), async (text) => {
      const socket = connect(service.ports[0] ?? 0, '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
      socket.on('error', () => undefined);
      socket.end(Buffer.from(text, 'latin1'));
      if (!socket.closed) await once(socket, 'close');
      if (/^HTTP\/1.1 5\d\d/m.test(answer)) throw new Error(answer);
    }),
    close: () => service.stop(),
  };
}

const PROXY_HEADERS = [
  'PROXY TCP4 198.51.100.7 10.0.0.9 57005 4443\r\n',
  'PROXY TCP6 2001:db8::7 ::1 57005 4443\r\n',
  `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c${'abcd'.repeat(3)}`,
  `\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24${'abcd'.repeat(9)}`,
];

const header = fc.oneof(
  damaged(
    ['Bearer a.b.c', 'DPoP a.b.c', 'Basic YTpi', 'application/json; charset="utf-8"', 'text/html, application/graphql-response+json;q=0.9, */*;q=0', 'https://localhost:4000', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    [',', ';', 'q=0.000', 'charset='],
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
); // prettier-ignore

export const requestFuzzers: readonly Fuzzer[] = [
  {
    name: 'headers of the PROXY protocol',
    property: fc.asyncProperty(damaged(PROXY_HEADERS, ['TCP4', '\n', '\xff', '%lo']), async (text) => {
      const bytes = Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(4_096)]);
      const source = await accepted(() => {
        const parser = parseProxyHeader();
        let [step, taken] = [parser.next(), 0];
        while (step.done !== true) {
          const part = bytes.subarray(taken, taken + step.value);
          taken += part.length;
          if (taken > 2_064) throw new Error('it asks for more than it may');
          step = parser.next(part);
        }
        return step.value;
      });
      if (source !== undefined && isIP(source) === 0) throw new Error(source);
    }),
  },
  {
    name: 'header fields',
    property: fc.asyncProperty(header, fc.boolean(), async (value, encrypted) => {
      const headers = { authorization: value, accept: value, origin: value, host: value, 'content-type': value, dpop: value };
      const request = createServiceRequest({ headers, encrypted, body: 'grant_type=a' });
      const rules = { publicHosts: [], allowedOrigins: [] };
      await accepted(() => authenticate(request));
      await accepted(() => shownToken(request));
      await accepted(() => chooseMediaType(value));
      await accepted(() => { checkBrowserRules(request, rules); });
      await accepted(() => parseTraceContext(value));
      await accepted(() => readTokenForm(request));
      await accepted(() => readGraphqlRequests(request, Buffer.from('{}'), { batch: 1, values: 'off' }));
    }), // prettier-ignore
  },
  {
    name: 'JSON bodies',
    property: fc.asyncProperty(
      fc.oneof(
        fc.record({ query: json, variables: json, operationName: json, extensions: json }, { requiredKeys: [] }).map((value) => JSON.stringify(value)),
        json.map((value) => JSON.stringify(value)),
        damaged(['{"query":"{a}","variables":{"v":[1,{"a":null}]},"extensions":{"persistedQuery":{"version":1,"sha256Hash":"a"}}}', '[{"query":"{a}"},{"query":"{b}"}]'], NAMES),
      ),
      async (body) => {
        const request = createServiceRequest({ headers: { 'content-type': 'application/json' } });
        await accepted(() => readGraphqlRequests(request, Buffer.from(body), { batch: 10, values: 'off' }));
        const get = createServiceRequest({ method: 'GET', headers: { dpop: 'x' }, search: body });
        await accepted(() => readGraphqlRequests(get, undefined, { batch: 1, values: 'off' }));
      },
    ), // prettier-ignore
  },
  {
    name: 'forms of the token endpoint',
    property: fc.asyncProperty(
      damaged(['grant_type=client_credentials&scope=a%20b&audience=x&resource=y', 'subject_token=a.b.c&subject_token_type=urn%3A'], ['&', '=', '%', '%00', '%ff', '+']),
      async (body) => {
        const request = createServiceRequest({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
        const form = await accepted(() => readTokenForm(request));
        for (const name of ['grant_type', ...NAMES]) form?.get(name);
      },
    ), // prettier-ignore
  },
];
