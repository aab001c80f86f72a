import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';
import { boundAnswers } from './bound-answers.ts';
import {
  type ConditionalWrite,
  type ObjectStore,
  ObjectStoreError,
  type StoredObject,
} from './object-store.ts';
import { isConditionUnknown, isHeld, isMissing, toObjectStoreError } from './s3-failure.ts';

export interface S3ObjectStoreOptions {
  readonly location: string;
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly isPathStyle: boolean;
  readonly clock: Clock;
}

const DEADLINE_MS = 30_000;
/** A bundle of 256 entries of 65,535 bytes, and their lengths. */
const MAX_OBJECT_BYTES = 256 * 65_537;
const MAX_KEYS = 1000;

/** A bucket over the S3 protocol; region and credentials are found by the AWS SDK's own chain where none are given. */
export function createS3ObjectStore(options: S3ObjectStoreOptions): ObjectStore {
  const { location, bucket, prefix, clock } = options;
  const client = createClient(options);
  const tooLarge = () => new ObjectStoreError(`${location} answers more than an object of a log has`);
  boundAnswers(client, MAX_OBJECT_BYTES, tooLarge);
  const closed = new AbortController();
  const at = (key: string) => ({ Bucket: bucket, Key: prefix + key });

  /** One call with its retries, within a bound. */
  async function call<Result>(
    operation: string,
    send: (abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const late = (): Error => new ObjectStoreError(`${location} does not answer ${operation}`);
    const sendUntilClosed = (signal: AbortSignal) => send(AbortSignal.any([signal, closed.signal]));
    return within(clock, DEADLINE_MS, late, sendUntilClosed).catch((error: unknown) => {
      throw error instanceof ObjectStoreError ? error : toObjectStoreError(error, operation, location);
    });
  }

  return {
    location,
    get: (key) => call('GetObject', (abortSignal) => readObject(client, at(key), abortSignal)),
    async put(key, body, contentType) {
      const input = { ...at(key), Body: body, ContentType: contentType };
      await call('PutObject', (abortSignal) => client.send(new PutObjectCommand(input), { abortSignal }));
    },
    async putNew(key, body, contentType) {
      const input = { ...at(key), Body: body, ContentType: contentType };
      return call('PutObject', (abortSignal) => writeNew(client, input, abortSignal));
    },
    async list(begin) {
      const input = { Bucket: bucket, Prefix: prefix + begin, MaxKeys: MAX_KEYS };
      const answer = await call('ListObjectsV2', (abortSignal) =>
        client.send(new ListObjectsV2Command(input), { abortSignal }),
      );
      return (answer.Contents ?? []).flatMap(({ Key }) =>
        Key === undefined ? [] : [Key.slice(prefix.length)],
      );
    },
    async remove(key) {
      await call('DeleteObject', (abortSignal) =>
        client.send(new DeleteObjectCommand(at(key)), { abortSignal }),
      );
    },
    close() {
      closed.abort();
      client.destroy();
    },
  };
}

async function readObject(
  client: S3Client,
  input: GetObjectCommandInput,
  abortSignal: AbortSignal,
): Promise<StoredObject | undefined> {
  try {
    const answer = await client.send(new GetObjectCommand(input), { abortSignal });
    const body = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    return { body, modifiedAt: answer.LastModified?.getTime() };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function writeNew(
  client: S3Client,
  input: PutObjectCommandInput,
  abortSignal: AbortSignal,
): Promise<ConditionalWrite> {
  try {
    await client.send(new PutObjectCommand({ ...input, IfNoneMatch: '*' }), { abortSignal });
    return 'stored';
  } catch (error) {
    if (isHeld(error)) return 'held';
    if (isConditionUnknown(error)) return 'unsupported';
    throw error;
  }
}

function createClient({ endpoint, region, isPathStyle }: S3ObjectStoreOptions): S3Client {
  return new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: isPathStyle,
    maxAttempts: 3,
    // the newer checksums are unknown to other stores; what was stored is compared with what a checkpoint covers
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 3000, requestTimeout: 8000, throwOnRequestTimeout: true },
  });
}
