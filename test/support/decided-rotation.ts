import type { ServiceResponse } from '@aduana/core/http/route';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import type { TestSts } from './test-sts.ts';

/** What the gateway sends to the admin service for a caller with a certificate: the operator, where nobody else is named. */
export async function deciderToken(
  sts: TestSts,
  { who = 'operator', ...form }: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { chain } = await sts.peer(who);
  const { body } = await sts.token(
    {
      grant_type: GRANT_TOKEN_EXCHANGE,
      subject_token: encodeCertificateChain(chain),
      subject_token_type: TOKEN_TYPE_X509_SVID,
      audience: 'admin',
      ...form,
    },
    { peer: await sts.peer('gateway') },
  );
  return String(body['access_token']);
}

/** What a client with a certificate of its own shows to the admin service, or to another audience. */
export async function directToken(
  sts: TestSts,
  who: string,
  form: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { body } = await sts.token(
    { grant_type: 'client_credentials', client_id: who, audience: 'admin', ...form },
    { peer: await sts.peer(who) },
  );
  return String(body['access_token']);
}

/** `POST /sts/rotate-client-secret` without a grace, on a connection of this peer. */
export async function askToRotate(
  sts: TestSts,
  service: string,
  more: Readonly<Record<string, string>>,
  peer = 'admin',
): Promise<ServiceResponse> {
  return sts.call({
    path: '/sts/rotate-client-secret',
    headers: { 'content-type': 'application/json' },
    peer: await sts.peer(peer),
    body: JSON.stringify({ service_id: service, grace_seconds: 0, reason: 'x', ...more }),
  });
}
