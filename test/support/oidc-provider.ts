import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

/** An OpenID provider with one client, whose users sign in by their name alone and are in the group of that name. */
export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** Follows a login from the address to which the browser is sent to the one to which the provider sends it back. */
  signIn(url: string, user: string): Promise<string>;
  close(): void;
}

const CLIENT_ID = 'aduana-console';

/** @param redirectUri known once the client listens */
export async function openTestProvider(redirectUri: () => string): Promise<TestProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  let provider: Provider | undefined;
  const open = async (): Promise<Provider> =>
    new Provider(issuer, {
      clients: [
        {
          client_id: CLIENT_ID,
          token_endpoint_auth_method: 'none',
          redirect_uris: [redirectUri()],
          response_types: ['code'],
          grant_types: ['authorization_code'],
        },
      ],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'op-1', alg: 'RS256', use: 'sig' }] },
      claims: { openid: ['sub', 'groups'] },
      conformIdTokenClaims: false,
      ttl: { IdToken: 600 },
      findAccount: (_context, id) => ({
        accountId: id,
        claims: () => Promise.resolve({ sub: id, groups: [id] }),
      }),
    });
  server.on('request', (request, response) => {
    void (async () => {
      provider ??= await open();
      await provider.callback()(request, response);
    })();
  });
  return {
    issuer,
    clientId: CLIENT_ID,
    signIn: (url, user) => walkThrough(url, user, issuer),
    close: () => {
      closeAll(server);
    },
  };
}

/** What a person does with the provider's own pages: the name, then consent. */
async function walkThrough(start: string, user: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = start;
  for (let step = 0; step < 12; step += 1) {
    if (!url.startsWith(issuer)) return url;
    const isPrompt = new URL(url).pathname.startsWith('/interaction/');
    const answer = await fetch(url, {
      method: isPrompt ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(isPrompt ? { body: new URLSearchParams(await promptOf(url, cookies, user)) } : {}),
    });
    keep(cookies, answer);
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`the provider answered ${String(answer.status)}`);
    url = new URL(location, url).href;
  }
  throw new Error('the login does not come to an end');
}

async function promptOf(url: string, cookies: Map<string, string>, user: string) {
  const page = await fetch(url, {
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  });
  keep(cookies, page);
  const isLogin = (await page.text()).includes('name="login"');
  return isLogin ? { prompt: 'login', login: user, password: 'x' } : { prompt: 'consent' };
}

function keep(cookies: Map<string, string>, answer: Response): void {
  for (const cookie of answer.headers.getSetCookie()) {
    const [pair = ''] = cookie.split(';');
    const at = pair.indexOf('=');
    cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

function closeAll(server: Server): void {
  server.close();
  server.closeAllConnections();
}
