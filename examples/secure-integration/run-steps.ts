import { verifyInclusion } from '@aduana/audit-verifier';
import { openNote, parseCheckpoint, parseVerifierKey } from '@aduana/audit-verifier/note';
import { askGateway, type Clock, type GatewayAnswer, type Secret, type SecurePeer } from '@aduana/client';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';

/** A service of the deployment: its mTLS connection to the gateway and its own tokens. */
export interface Participant {
  readonly gateway: SecurePeer;
  ownToken(): Promise<Secret>;
}

export interface StepsOptions {
  readonly bff: Participant;
  readonly operator: Participant;
  readonly auditor: Participant;
  /** The verifier that a service behind the gateway would use. */
  readonly verify: VerifyAccessToken;
  /** The audit log's public key, got beforehand: a log does not vouch for itself. */
  readonly vkey: string;
  readonly clock: Clock;
  readonly report: (step: string, seen: string) => void;
}

/**
 * The whole of Aduana from outside, step by step: a bound token, a call over mTLS, a refusal, a stolen token, a key
 * rotation, and the proof that all of it is in the log.
 *
 * @throws Error at the first step that is not as promised
 */
export async function runSteps(options: StepsOptions): Promise<void> {
  const { bff, operator, auditor, report } = options;

  const token = await bff.ownToken();
  const { claims, kid } = await options.verify(token.reveal());
  expect(claims.aud === 'gateway' && claims.cnf?.['x5t#S256'] !== undefined, 'the token is bound');
  report('1. a token', `for ${claims.sub}, audience ${claims.aud}, bound to its certificate, key ${kid}`);

  const allowed = await askGateway(bff.gateway, { document: '{ leads(first: 3) { company score } }', token });
  expect(allowed.status === 200 && allowed.errors.length === 0, 'a BFF may list leads');
  report('2. a call over mTLS', `${String(listIn(allowed, 'leads').length)} leads`);

  const refused = await askGateway(bff.gateway, {
    document: '{ leads(first: 1) { company contact { email } } }',
    token,
  });
  expect(codeIn(refused) === 'UNAUTHORIZED_FIELD_OR_TYPE', 'contact details are refused');
  report('3. a refusal', `${String(codeIn(refused))} at ${refused.errors[0]?.path?.join('.') ?? ''}`);

  const stolen = await askGateway(operator.gateway, { document: '{ leads { company } }', token });
  expect(stolen.status === 401, 'a token is of no use over another connection');
  report('4. a stolen token', `HTTP ${String(stolen.status)} ${String(codeIn(stolen))}`);

  const rotation = await askGateway(operator.gateway, {
    document: 'mutation { rotateSigningKeys(mode: NOW, reason: "secure integration") { active { kid } } }',
    token: await operator.ownToken(),
  });
  const active = objectIn(rotation.data, 'rotateSigningKeys', 'active');
  expect(typeof active['kid'] === 'string' && active['kid'] !== kid, 'the STS signs with another key');
  const after = await askGateway(bff.gateway, { document: '{ leads(first: 1) { company } }', token });
  expect(after.status === 200 && after.errors.length === 0, 'tokens of the old key go on verifying');
  report('5. a key rotation', `the STS signs with ${String(active['kid'])}; the old token still verifies`);

  const proof = await proveRecorded(refused.auditId ?? '', auditor, options);
  report('6. the audit log', proof);
}

/** Finds the event of a request, and checks its leaf and its inclusion under a signed checkpoint (RFC 6962). */
async function proveRecorded(
  auditId: string,
  auditor: Participant,
  { vkey, clock }: StepsOptions,
): Promise<string> {
  const ask = async (document: string, variables: Readonly<Record<string, unknown>>) =>
    (await askGateway(auditor.gateway, { document, variables, token: await auditor.ownToken() })).data;
  const event = objectIn(
    await ask('query Event($id: ID!) { auditEvent(id: $id) { seq outcome canonical leafHash } }', {
      id: auditId,
    }),
    'auditEvent',
  );
  const leaf = Buffer.from(String(event['canonical']));

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
    const checkpoint = readCheckpoint(String(objectIn(proof, 'checkpoint')['note']), vkey);
    const isCovered =
      checkpoint !== undefined &&
      checkpoint.size === Number(proof['size']) &&
      verifyInclusion({
        index: Number(event['seq']),
        size: checkpoint.size,
        leaf,
        proof: proof['hashes'] as readonly string[],
        root: checkpoint.root,
      });
    expect(isCovered, 'the checkpoint covers the event');
    return `event ${String(event['seq'])} (${String(event['outcome'])}) is under the signed checkpoint of size ${String(proof['size'])}`;
  }
  throw new Error('not as promised: no checkpoint covers the event');
}

/** The tree of a checkpoint that the log's key has signed. */
function readCheckpoint(note: string, vkey: string) {
  const key = parseVerifierKey(vkey);
  const text = key === undefined ? undefined : openNote(note, key);
  return text === undefined ? undefined : parseCheckpoint(text);
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
