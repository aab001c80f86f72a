/**
 * The attacker is the gateway: it answers the auditor. It wants `aduana audit prove` to call an event verified that is in no
 * log, with a key and a tree of its own, or with another event of the log.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { canonicalText } from '@aduana/client/audit/canonical';
import { createNoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { proveEvent } from '../../cli/audit-prove.ts';
import { postedEvent } from '../support/audit-events.ts';
import { TEST_SIGNER } from '../support/exported-log.ts';
import { type GatewayDouble, openGatewayDouble } from '../support/gateway-double.ts';

const ID = '0197a3c2-7d52-7c3e-9f5a-2f1f0b6f3a11';
const OTHER_ID = '0197a3c2-7d52-7c3e-9f5a-2f1f0b6f3a12';
const EVENT = eventOf(ID);
const OTHER = eventOf(OTHER_ID);
const OTHER_SIGNER = createNoteSigner(TEST_SIGNER.name, Buffer.alloc(32, 9));

let gateway: GatewayDouble | undefined;
afterEach(() => gateway?.close());

function eventOf(id: string): string {
  return canonicalText(postedEvent({ id, source: { peer: 'gateway', instance: 'i', boot_id: 'b', n: 0 } }));
}

interface Answers {
  /** What it says the event is. */
  readonly canonical: string;
  /** What its tree of one leaf is made of. */
  readonly leaf: string;
  readonly signer: typeof TEST_SIGNER;
}

async function openGateway({ canonical, leaf, signer }: Answers): Promise<GatewayDouble> {
  const hash = leafHash(leaf);
  const note = signCheckpoint({ origin: signer.name, size: 1, root: hash }, [signer]);
  const proof = { seq: '0', size: '1', leafHash: hash.toString('hex'), hashes: [], checkpoint: { note } };
  gateway = await openGatewayDouble(({ document }) => {
    if (document.includes('auditInclusionProof')) return { auditInclusionProof: proof };
    if (document.includes('auditIntegrity')) return { auditIntegrity: { vkey: signer.vkey } };
    return { auditEvent: { seq: '0', canonical } };
  });
  return gateway;
}

async function keepKey({ home }: GatewayDouble, vkey: string): Promise<void> {
  await mkdir(join(home, 'audit'), { recursive: true });
  await writeFile(join(home, 'audit/vkey'), `${vkey}\n`);
}

test('an event of the log is proved, with the key that is given or kept, and it is said whose it is', async () => {
  const double = await openGateway({ canonical: EVENT, leaf: EVENT, signer: TEST_SIGNER });
  const { context, printed, told } = double;
  await proveEvent(ID.toUpperCase(), TEST_SIGNER.vkey, context);
  await keepKey(double, TEST_SIGNER.vkey);
  await proveEvent(ID, undefined, context);
  expect(printed.join('\n')).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex 0\n/);
  const { type, time } = JSON.parse(EVENT) as { type: string; time: string };
  expect(told.join('\n')).toContain(`is entry 0 of 1: verified\n${type} of gateway at ${time}`);
});

test('nothing is verified with a key that only the gateway names, and it is said how to get the key', async () => {
  const { context, printed } = await openGateway({ canonical: EVENT, leaf: EVENT, signer: OTHER_SIGNER });
  await expect(proveEvent(ID, undefined, context)).rejects.toThrow(/is not known here[^]*--vkey/);
  expect(printed).toEqual([]);
});

test.each(['given', 'kept'] as const)('a tree of another key is refused where the key is %s', async (how) => {
  const double = await openGateway({ canonical: EVENT, leaf: EVENT, signer: OTHER_SIGNER });
  await keepKey(double, TEST_SIGNER.vkey);
  const given = how === 'given' ? TEST_SIGNER.vkey : undefined;
  await expect(proveEvent(ID, given, double.context)).rejects.toThrow('TAMPERED');
});

test.each([
  ['is named as such', OTHER, OTHER],
  ['is in the tree in its place', EVENT, OTHER],
  ['is no event at all', 'null', 'null'],
  ['is not JSON', '', ''],
] as const)('another entry of the log is refused: one that %s', async (_how, canonical, leaf) => {
  const { context, printed } = await openGateway({ canonical, leaf, signer: TEST_SIGNER });
  await expect(proveEvent(ID, TEST_SIGNER.vkey, context)).rejects.toThrow('TAMPERED');
  expect(printed).toEqual([]);
});
