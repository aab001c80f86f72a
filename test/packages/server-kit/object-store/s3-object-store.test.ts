import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { ObjectStore } from '@aduana/server-kit/object-store/object-store';
import { openObjectStore } from '@aduana/server-kit/object-store/open-object-store';
import { parseLocation } from '@aduana/server-kit/object-store/settings';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { describeMoto, type Moto, startMoto } from '../../../support/moto.ts';
import { type ObjectStoreDouble, startObjectStoreDouble } from '../../../support/object-store-double.ts';
import { pointAwsTo } from '../../../support/signing-keys.ts';
import { until } from '../../../support/until.ts';

const clock = createSystemClock();
const TEXT = 'text/plain';

function open(address: string, location = 's3://bucket/prod', by = clock): Promise<ObjectStore> {
  pointAwsTo(address);
  return openObjectStore(
    location,
    {
      AUDIT_OBJECT_STORE_ENDPOINT: address,
      AUDIT_OBJECT_STORE_REGION: 'eu-south-2',
      AUDIT_OBJECT_STORE_PATH_STYLE: true,
    },
    by,
  );
}

/** What any store does. */
function keepsObjects(address: () => string): void {
  test('keeps objects below its prefix, and tells which there are', async () => {
    const store = await open(address());
    expect(await store.get('tile/0/000')).toBeUndefined();
    await store.put('tile/0/000.p/1', Buffer.from('one'), TEXT);
    await store.put('tile/0/000.p/1', Buffer.from('two'), TEXT);
    await store.put('tile/0/001', Buffer.from('three'), TEXT);
    expect((await store.get('tile/0/000.p/1'))?.body.toString()).toBe('two');
    expect(await store.list('tile/0/000.p/')).toEqual(['tile/0/000.p/1']);
    await store.remove('tile/0/000.p/1');
    await store.remove('tile/0/000.p/1');
    expect(await store.get('tile/0/000.p/1')).toBeUndefined();
    expect(await (await open(address(), 's3://bucket')).list('prod/')).toEqual(['prod/tile/0/001']);
    store.close();
  });

  test('never replaces what is put as new', async () => {
    const store = await open(address());
    expect(await store.putNew('new', Buffer.from('one'), TEXT)).toBe('stored');
    expect(await store.putNew('new', Buffer.from('two'), TEXT)).toBe('held');
    expect((await store.get('new'))?.body.toString()).toBe('one');
    store.close();
  });
}

describe('over a double of S3', () => {
  let double: ObjectStoreDouble;
  beforeAll(async () => {
    double = await startObjectStoreDouble();
  });
  afterEach(() => {
    double.fault('none');
  });
  afterAll(() => double.close());

  keepsObjects(() => double.address);

  test.each([
    ['slow', 's3://bucket/prod cannot be used: PutObject (SlowDown)'],
    ['away', /cannot be used: PutObject \((ECONNRESET|TimeoutError|Error)\)/],
    ['denied', 's3://bucket/prod refuses PutObject (AccessDenied)'],
    ['unknown_key', 's3://bucket/prod refuses PutObject (InvalidAccessKeyId)'],
    ['full', 's3://bucket/prod is full (XMinioStorageFull)'],
    ['no_bucket', 's3://bucket/prod: there is no such bucket'],
  ] as const)('a store that is %s fails with words for operators', async (fault, message) => {
    const store = await open(double.address);
    double.fault(fault);
    const failed = expect(store.put('key', Buffer.from('secret'), TEXT)).rejects;
    await failed.toMatchObject({
      name: 'ObjectStoreError',
      message: expect.stringMatching(escaped(message)) as unknown,
    });
    store.close();
  });

  test('a store that takes calls and does not answer is given up within a bound', async () => {
    const fake = createFakeClock();
    const store = await open(double.address, 's3://bucket/prod', fake);
    double.fault('mute');
    double.requests.length = 0;
    const outcome = store.get('key').catch((error: unknown) => (error as Error).message);
    await until(() => double.requests.length > 0);
    await fake.advance(30_000);
    expect(await outcome).toBe('s3://bucket/prod does not answer GetObject');
    store.close();
  });
});

test('a store that refuses conditions is told from one that holds the object', async () => {
  const double = await startObjectStoreDouble('refused');
  const store = await open(double.address);
  expect(await store.putNew('new', Buffer.from('one'), TEXT)).toBe('unsupported');
  expect(await store.get('new')).toBeUndefined();
  store.close();
  await double.close();
});

describeMoto('over moto', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    pointAwsTo(moto.address);
    const client = new S3Client({ endpoint: moto.address, region: 'eu-south-2', forcePathStyle: true });
    const configuration = { LocationConstraint: 'eu-south-2' } as const;
    await client.send(
      new CreateBucketCommand({ Bucket: 'bucket', CreateBucketConfiguration: configuration }),
    );
    client.destroy();
  });
  afterAll(() => {
    moto.stop();
  });

  keepsObjects(() => moto.address);

  test('says that there is no such bucket', async () => {
    const store = await open(moto.address, 's3://another');
    await expect(store.put('key', Buffer.from('x'), TEXT)).rejects.toThrow(
      's3://another: there is no such bucket',
    );
    store.close();
  });
});

test('a location is a bucket and a prefix, and nothing else', () => {
  expect(parseLocation('s3://bucket')).toEqual({ bucket: 'bucket', prefix: '' });
  expect(parseLocation('s3://bucket/a/b/')).toEqual({ bucket: 'bucket', prefix: 'a/b/' });
  for (const wrong of [
    'bucket',
    's3://',
    's3://B/x',
    's3://bucket//x',
    's3://bucket/../x',
    'https://bucket/x',
    's3://bucket/a b',
  ])
    expect([wrong, parseLocation(wrong)]).toEqual([wrong, undefined]);
});

function escaped(message: string | RegExp): RegExp {
  return typeof message === 'string' ? new RegExp(message.replaceAll(/[()]/g, String.raw`\$&`)) : message;
}
