import { openCheckpoint } from '@aduana/core/audit/checkpoint';
import { leafHash, nodeHash } from '@aduana/core/audit/merkle';
import { askGateway, type GatewayAnswer } from '@aduana/core/client/gateway-client';
import type { SecurePeer } from '@aduana/core/client/secure-peer';
import type { Clock } from '@aduana/core/platform/clock';
import type { Secret } from '@aduana/core/secrets/secret';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';

/** A service of the house, as the walk needs it: its mTLS line to the gateway and its own tokens. */
export interface Walker {
  readonly gateway: SecurePeer;
  ownToken(): Promise<Secret>;
}

export interface Walk {
  readonly bff: Walker;
  readonly operator: Walker;
  readonly auditor: Walker;
  /** The verifier that a service behind the gateway would use. */
  readonly verify: VerifyAccessToken;
  /** The audit log's public key, got beforehand: a log does not vouch for itself. */
  readonly vkey: string;
  readonly clock: Clock;
  readonly tell: (step: string, seen: string) => void;
}

/**
 * The whole of Aduana from outside, step by step: a bound token, a call over mTLS, a refusal, a stolen token, a key
 * rotation, and the proof that all of it is in the log.
 *
 * @throws Error at the first step that is not as promised
 */
export async function walkThrough(walk: Walk): Promise<void> {
  const { bff, operator, auditor, tell } = walk;

  const token = await bff.ownToken();
  const { claims, kid } = await walk.verify(token.reveal());
  expect(claims.aud === 'gateway' && claims.cnf?.['x5t#S256'] !== undefined, 'the token is bound');
  tell('1. a token', `for ${claims.sub}, audience ${claims.aud}, bound to its certificate, key ${kid}`);

  const allowed = await askGateway(bff.gateway, { document: '{ leads(first: 3) { company score } }', token });
  expect(allowed.status === 200 && allowed.errors.length === 0, 'a BFF may list leads');
  tell('2. a call over mTLS', `${String(listIn(allowed, 'leads').length)} leads`);

  const refused = await askGateway(bff.gateway, {
    document: '{ leads(first: 1) { company contact { email } } }',
    token,
  });
  expect(codeIn(refused) === 'UNAUTHORIZED_FIELD_OR_TYPE', 'contact details are refused');
  tell('3. a refusal', `${String(codeIn(refused))} at ${refused.errors[0]?.path?.join('.') ?? ''}`);

  const stolen = await askGateway(operator.gateway, { document: '{ leads { company } }', token });
  expect(stolen.status === 401, 'a token is of no use over another connection');
  tell('4. a stolen token', `HTTP ${String(stolen.status)} ${String(codeIn(stolen))}`);

  const rotation = await askGateway(operator.gateway, {
    document:
      'mutation { rotateSigningKeys(mode: NOW, reason: "secure integration walk") { active { kid } } }',
    token: await operator.ownToken(),
  });
  const active = objectIn(rotation.data, 'rotateSigningKeys', 'active');
  expect(typeof active['kid'] === 'string' && active['kid'] !== kid, 'the STS signs with another key');
  const after = await askGateway(bff.gateway, { document: '{ leads(first: 1) { company } }', token });
  expect(after.status === 200 && after.errors.length === 0, 'tokens of the old key go on verifying');
  tell('5. a key rotation', `the STS signs with ${String(active['kid'])}; the old token still verifies`);

  const proof = await proveRecorded(refused.auditId ?? '', auditor, walk);
  tell('6. the audit log', proof);
}

/** Finds the event of a request, and checks its leaf and its inclusion under a signed checkpoint (RFC 6962). */
async function proveRecorded(auditId: string, auditor: Walker, { vkey, clock }: Walk): Promise<string> {
  const ask = async (document: string, variables: Readonly<Record<string, unknown>>) =>
    (await askGateway(auditor.gateway, { document, variables, token: await auditor.ownToken() })).data;
  const event = objectIn(
    await ask('query Event($id: ID!) { auditEvent(id: $id) { seq outcome canonical leafHash } }', {
      id: auditId,
    }),
    'auditEvent',
  );
  const leaf = leafHash(String(event['canonical']));
  expect(leaf.toString('hex') === event['leafHash'], 'the leaf is the hash of the event');

  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answer = await ask(
      'query Proof($seq: BigInt!) { auditInclusionProof(seq: $seq) { size hashes checkpoint { note } } }',
      { seq: event['seq'] },
    );
    const proof = answer?.['auditInclusionProof'] as Record<string, unknown> | null | undefined;
    if (proof === null || proof === undefined) {
      await clock.sleep(250); // a checkpoint follows its events within a second
      continue;
    }
    const checkpoint = openCheckpoint(String(objectIn(proof, 'checkpoint')['note']), [vkey]);
    const size = BigInt(String(proof['size']));
    const hashes = (proof['hashes'] as readonly string[]).map((hash) => Buffer.from(hash, 'hex'));
    const root = rootOf(leaf, BigInt(String(event['seq'])), size, hashes);
    expect(checkpoint !== undefined && root.equals(checkpoint.root), 'the checkpoint covers the event');
    return `event ${String(event['seq'])} (${String(event['outcome'])}) is under the signed checkpoint of size ${String(size)}`;
  }
  throw new Error('not as promised: no checkpoint covers the event');
}

/** The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2). */
function rootOf(leaf: Buffer, index: bigint, size: bigint, hashes: readonly Buffer[]): Buffer {
  let [node, last, root] = [index, size - 1n, leaf];
  for (const hash of hashes) {
    if (node % 2n === 1n || node === last) {
      root = nodeHash(hash, root);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else root = nodeHash(root, hash);
    [node, last] = [node >> 1n, last >> 1n];
  }
  expect(last === 0n, 'the proof has the right length');
  return root;
}

function expect(held: boolean, promise: string): void {
  if (!held) throw new Error(`not as promised: ${promise}`);
}

function codeIn({ errors: [error] }: GatewayAnswer): unknown {
  return error?.extensions?.['code'];
}

function listIn({ data }: GatewayAnswer, field: string): readonly unknown[] {
  const list = data?.[field];
  return Array.isArray(list) ? list : [];
}

function objectIn(data: Readonly<Record<string, unknown>> | null, ...path: readonly string[]) {
  let at: unknown = data;
  for (const name of path) at = (at as Record<string, unknown> | null | undefined)?.[name];
  expect(typeof at === 'object' && at !== null, `the answer holds ${path.join('.')}`);
  return at as Readonly<Record<string, unknown>>;
}
