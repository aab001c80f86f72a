import { S3ServiceException } from '@aws-sdk/client-s3';
import { ObjectStoreError } from './object-store.ts';

const REFUSED =
  /AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|UnrecognizedClient|CredentialsProvider|AllAccessDisabled|AccountProblem/;
const FULL = /QuotaExceeded|StorageFull|InsufficientStorage|EntityTooLarge/;
const PRECONDITION_FAILED = 412;
const INSUFFICIENT_STORAGE = 507;

/** Whether there is no such object. */
export function isMissing(error: unknown): boolean {
  return nameOf(error) === 'NoSuchKey' || nameOf(error) === 'NotFound';
}

/** Whether a conditional write found an object. */
export function isHeld(error: unknown): boolean {
  return nameOf(error) === 'PreconditionFailed' || statusOf(error) === PRECONDITION_FAILED;
}

/** Whether the store says that it knows no conditional writes. */
export function isConditionUnknown(error: unknown): boolean {
  return nameOf(error) === 'NotImplemented';
}

/** A failed call as text for operators; no member of the SDK's error travels on but its name. */
export function toObjectStoreError(error: unknown, operation: string, location: string): ObjectStoreError {
  const name = nameOf(error);
  if (name === 'NoSuchBucket') return new ObjectStoreError(`${location}: there is no such bucket`);
  if (REFUSED.test(name)) return new ObjectStoreError(`${location} refuses ${operation} (${name})`);
  if (FULL.test(name) || statusOf(error) === INSUFFICIENT_STORAGE)
    return new ObjectStoreError(`${location} is full (${name})`);
  return new ObjectStoreError(`${location} cannot be used: ${operation} (${name})`);
}

function nameOf(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (error instanceof S3ServiceException) return error.name;
  if (typeof code === 'string') return code; // ECONNREFUSED and the like
  return typeof name === 'string' ? name : 'unknown error';
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
