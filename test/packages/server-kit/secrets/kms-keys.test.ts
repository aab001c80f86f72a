import { createHash, createPublicKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { guardRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import { createKmsClient } from '@aduana/server-kit/secrets/kms/kms-client';
import { createKmsKeys } from '@aduana/server-kit/secrets/kms/kms-keys';
import { readEcdsaSignature } from '@aduana/server-kit/secrets/kms/read-ecdsa-signature';
import type { RemoteKey, RemoteKeys } from '@aduana/server-kit/secrets/remote-keys';
import { type KmsDouble, startKmsDouble } from '../../../support/kms-double.ts';
import { describeMoto, hasMoto, type Moto, startMoto } from '../../../support/moto.ts';
import { toDer, verifies } from '../../../support/sign-digest.ts';
import { pointAwsTo } from '../../../support/signing-keys.ts';
import { underLoad, until } from '../../../support/until.ts';

const INPUT = Buffer.from('header.payload');
const clock = createSystemClock();
let kms: KmsDouble;
let keys: RemoteKeys;
/** Given back even where a test fails: an open socket keeps the run alive. */
let opened: { close(): Promise<void> }[];
let moto: Moto | undefined;

beforeAll(async () => {
  if (hasMoto) moto = await startMoto();
});
afterAll(() => {
  moto?.stop();
});
beforeEach(async () => {
  opened = [];
  kms = await start();
  keys = open(kms);
});
afterEach(async () => {
  for (const one of opened.reverse()) await one.close();
});

async function start(behind?: string): Promise<KmsDouble> {
  const double = await startKmsDouble(behind);
  opened.push(double);
  return double;
}

function open(double: KmsDouble): RemoteKeys {
  pointAwsTo(double.address);
  const made = createKmsKeys(createKmsClient());
  opened.push(made);
  return made;
}

const publicKeyOf = ({ publicKey }: RemoteKey) =>
  createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
const stateOf = ({ reference }: RemoteKey): string | undefined => kms.keyStates()[reference];

test.each(['ES256', 'RS256'] as const)(
  'a digest that is signed for %s verifies as JWS has it',
  async (algorithm) => {
    const key = await keys.create(algorithm, []);
    for (let turn = 0; turn < 20; turn += 1) {
      const signature = await keys.sign(algorithm, key.reference, INPUT);
      expect(signature).toHaveLength(algorithm === 'ES256' ? 64 : 256);
      expect(verifies(publicKeyOf(key), INPUT, signature)).toBe(true);
    }
  },
);

test('EdDSA is refused before anything is made, with what to do', async () => {
  await expect(keys.check('ES256')).resolves.toBeUndefined();
  expect(() => keys.check('EdDSA')).toThrow(
    expect.objectContaining({ problems: [expect.objectContaining({ subject: 'SIGNING_ALGORITHM' })] }),
  );
  await expect(keys.create('EdDSA', [])).rejects.toMatchObject({ name: 'ConfigurationError' });
  expect(kms.requests).toEqual([]);
});

test('an ended key is disabled and deleted, and ending it again changes nothing', async () => {
  const [ended, living] = [await keys.create('ES256', []), await keys.create('ES256', [])];
  for (let turn = 0; turn < 2; turn += 1)
    expect(await keys.end([ended.reference], [living.reference])).toEqual([ended.reference]);
  expect([stateOf(ended), stateOf(living)]).toEqual(['PendingDeletion', 'Enabled']);
  await expect(keys.sign('ES256', ended.reference, INPUT)).rejects.toMatchObject({
    code: 'SECRET_PROVIDER_UNAVAILABLE',
  });
  expect(verifies(publicKeyOf(living), INPUT, await keys.sign('ES256', living.reference, INPUT))).toBe(true);
});

test('a key that may not be disabled is not taken for ended', async () => {
  const key = await keys.create('ES256', []);
  kms.fault('denied');
  await expect(keys.end([key.reference], [])).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(stateOf(key)).toBe('Enabled');
});

test.each(['away', 'denied', 'mute'] as const)(
  'a KMS that is %s is an outage within the deadline',
  async (fault) => {
    const guarded = guardRemoteKeys(keys, { clock, log: createLog('silent', () => undefined) });
    const key = await guarded.create('ES256', []);
    kms.fault(fault);
    const begin = clock.monotonic();
    const refused = { code: 'SECRET_PROVIDER_UNAVAILABLE', status: 503 };
    await expect(guarded.sign('ES256', key.reference, INPUT)).rejects.toMatchObject(refused);
    expect(clock.monotonic() - begin).toBeLessThan(underLoad(2500));
    expect(guarded.answers).toBe(false);
    kms.fault('none');
    await until(() => guarded.answers);
    expect(verifies(publicKeyOf(key), INPUT, await guarded.sign('ES256', key.reference, INPUT))).toBe(true);
  },
);

test.each([
  ['short integers', `${'00'.repeat(31)}01${'00'.repeat(30)}7fff`],
  ['integers whose first bit is set', 'ff'.repeat(64)],
  ['usual ones', `7f${'01'.repeat(31)}80${'02'.repeat(31)}`],
])('an ECDSA signature in DER with %s becomes R || S', (_name, hex) => {
  expect(readEcdsaSignature(toDer(Buffer.from(hex, 'hex'))).toString('hex')).toBe(hex);
});

test.each([
  ['nothing', ''],
  ['R || S already', '11'.repeat(64)],
  ['one integer', '3003020101'],
  ['an integer that is too long', `3026022100${'ff'.repeat(33)}020101`],
  ['bytes behind the end', '300602010102010100'],
  ['an integer beyond the end', '3006020101027f01'],
])('%s is no ECDSA signature', (_name, hex) => {
  expect(() => readEcdsaSignature(Buffer.from(hex, 'hex'))).toThrow(
    expect.objectContaining({ code: 'SECRET_PROVIDER_UNAVAILABLE' }),
  );
});

describeMoto('over moto', () => {
  test.each(['ES256', 'RS256'] as const)(
    'moto makes and shows a key for %s; its signatures are of the digest as a message, which it hashes once more',
    async (algorithm) => {
      const foreign = open(await start(moto?.address));
      const key = await foreign.create(algorithm, []);
      const signature = await foreign.sign(algorithm, key.reference, INPUT);
      const digest = createHash('sha256').update(INPUT).digest();
      // moto 5.1 ignores MessageType=DIGEST: with AWS the first of the two verifies. The rest of the way is the same.
      expect([INPUT, digest].map((signed) => verifies(publicKeyOf(key), signed, signature))).toEqual([
        false,
        true,
      ]);
      expect(await foreign.end([key.reference], [])).toEqual([key.reference]);
    },
  );
});
