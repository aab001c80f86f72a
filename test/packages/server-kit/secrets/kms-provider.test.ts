import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createFileBackend } from '@aduana/server-kit/secrets/file-backend';
import { createKmsClient } from '@aduana/server-kit/secrets/kms/kms-client';
import { createKmsEnvelope } from '@aduana/server-kit/secrets/kms/kms-envelope';
import { describeSecretProvider } from '../../../support/secret-provider-suite.ts';
import { type SecretStorage } from '../../../support/secret-provider-world.ts';
import { type KmsDouble, startKmsDouble } from '../../../support/kms-double.ts';
import { describeMoto, hasMoto, type Moto, startMoto } from '../../../support/moto.ts';
import { pointAwsTo } from '../../../support/signing-keys.ts';

const clock = createSystemClock();
let moto: Moto | undefined;

beforeAll(async () => {
  if (hasMoto) moto = await startMoto();
});

afterAll(() => {
  moto?.stop();
});

function clientOf(double: KmsDouble): KMSClient {
  pointAwsTo(double.address);
  return createKmsClient();
}

async function createKey(client: KMSClient): Promise<string> {
  return (await client.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
}

async function prepare(behind: string | undefined): Promise<SecretStorage> {
  const double = await startKmsDouble(behind);
  const client = clientOf(double);
  const keyId = await createKey(client);
  const home = await mkdtemp(join(tmpdir(), 'aduana-kms-'));
  return {
    open: (suiteClock) =>
      Promise.resolve(
        createFileBackend({
          kind: 'aws_kms',
          home,
          clock: suiteClock,
          envelope: createKmsEnvelope({ client, keyId, formerKeyIds: [], clock: suiteClock }),
        }),
      ),
    breakDown: () => {
      double.fault('away');
      return Promise.resolve();
    },
    repair: () => {
      double.fault('none');
      return Promise.resolve();
    },
    forbid: () => {
      double.fault('denied');
      return Promise.resolve();
    },
    async dispose() {
      client.destroy();
      await double.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

describeSecretProvider('aws_kms', () => prepare(undefined));
describeMoto('over moto', () => {
  describeSecretProvider('aws_kms (over moto)', () => prepare(moto?.address));
});

test('data keys are asked for once per context and kept for five minutes', async () => {
  const double = await startKmsDouble();
  const client = clientOf(double);
  const time = { offset: 0 };
  const moved = { ...clock, now: () => clock.now() + time.offset };
  const envelope = createKmsEnvelope({ client, keyId: 'k', formerKeyIds: [], clock: moved });
  for (let call = 0; call < 20; call += 1) await envelope.seal(Buffer.from('x'), { kid: '1' });
  const sealed = await envelope.seal(Buffer.from('y'), { kid: '2' });
  for (let call = 0; call < 20; call += 1) await envelope.open(sealed, { kid: '2' });
  expect(double.requests).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt']);
  time.offset = 301_000;
  await envelope.open(sealed, { kid: '2' });
  expect(double.requests).toHaveLength(4);
  client.destroy();
  await double.close();
});

test('no more than 200 data keys are kept, the least used are asked for again', async () => {
  const double = await startKmsDouble();
  const client = clientOf(double);
  const envelope = createKmsEnvelope({ client, keyId: 'k', formerKeyIds: [], clock });
  const seal = (kid: number) => envelope.seal(Buffer.from('x'), { kid: String(kid) });
  for (let kid = 0; kid <= 200; kid += 1) await seal(kid);
  expect(double.requests).toHaveLength(201);
  await seal(200);
  expect(double.requests).toHaveLength(201);
  await seal(0);
  expect(double.requests).toHaveLength(202);
  client.destroy();
  await double.close();
});

test.each(hasMoto ? ['the double', 'moto'] : ['the double'])(
  'after a change of key old text opens over ReEncrypt, and only for keys that are named (%s)',
  async (server) => {
    const double = await startKmsDouble(server === 'moto' ? moto?.address : undefined);
    const client = clientOf(double);
    const [former, current] = [await createKey(client), await createKey(client)];
    const old = createKmsEnvelope({ client, keyId: former, formerKeyIds: [], clock });
    const sealed = await old.seal(Buffer.from('x'), { purpose: 'test' });
    const foreign = createKmsEnvelope({ client, keyId: current, formerKeyIds: [], clock });
    await expect(foreign.open(sealed, { purpose: 'test' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const heir = createKmsEnvelope({ client, keyId: current, formerKeyIds: [former], clock });
    expect((await heir.open(sealed, { purpose: 'test' })).toString()).toBe('x');
    expect(double.requests).toContain('ReEncrypt');
    client.destroy();
    await double.close();
  },
);
