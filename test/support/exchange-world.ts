import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_ACCESS_TOKEN } from '@aduana/core/tokens/token-exchange';
import { basic, openTestSts, type TestSts, type TokenAnswer } from './test-sts.ts';

/** An STS with a gateway that exchanges tokens of the `bff`. */
export interface ExchangeWorld {
  readonly sts: TestSts;
  readonly gateway: PeerIdentity;
  /** A new one for each test. */
  readonly bffToken: string;
  tokenOf(service: string, scope?: string): Promise<string>;
  /** Exchanges the token of the `bff` for one for `leads`; `form` replaces parameters. */
  exchange(form: Readonly<Record<string, string>>, peer?: PeerIdentity): Promise<TokenAnswer>;
}

/** To be called once, outside the tests. */
export function openExchangeWorld(options: Parameters<typeof openTestSts>[0]): ExchangeWorld {
  const opened = {} as { sts: TestSts; gateway: PeerIdentity; bffToken: string };
  const world: ExchangeWorld = Object.assign(opened, {
    async tokenOf(service: string, scope = ''): Promise<string> {
      const { body } = await opened.sts.token(
        { grant_type: 'client_credentials', scope },
        { headers: basic(service) },
      );
      return String(body['access_token']);
    },
    exchange: (form: Readonly<Record<string, string>>, peer = opened.gateway): Promise<TokenAnswer> =>
      opened.sts.token(
        {
          grant_type: GRANT_TOKEN_EXCHANGE,
          subject_token: opened.bffToken,
          subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
          audience: 'leads',
          ...form,
        },
        { peer },
      ),
  });
  beforeAll(async () => {
    opened.sts = await openTestSts({ ...options, clients: ['bff', 'operator'] });
    opened.gateway = await opened.sts.peer('gateway');
  });
  afterAll(() => opened.sts.close());
  beforeEach(async () => {
    opened.bffToken = await world.tokenOf('bff');
  });
  return world;
}

/** The status and the error of an answer. */
export const outcomeOf = ({ status, body }: TokenAnswer): unknown[] => [status, body['error']];
