import { z } from 'zod';
import { flag } from '../config/variable.ts';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const SEGMENT = /^[\w!.*'()-]+$/;
const SCHEME = 's3://';
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Where a bucket is, and how it is addressed; credentials come from the AWS SDK's own chain. */
export const OBJECT_STORE_SETTINGS = {
  /** The bucket into which the audit log is published, `s3://bucket` or `s3://bucket/prefix`. */
  AUDIT_OBJECT_STORE: z
    .string()
    .refine(
      (value) => value === 'off' || parseLocation(value) !== undefined,
      'is neither `off` nor `s3://bucket/prefix`',
    )
    .default('off'),
  /** For stores other than AWS; what is written there is readable to whoever reads the connection. */
  AUDIT_OBJECT_STORE_ENDPOINT: z
    .string()
    .refine(isSafeEndpoint, 'is no https:// URL without credentials (http:// is for loopback only)')
    .optional(),
  /** Default: as the AWS SDK finds it. */
  AUDIT_OBJECT_STORE_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'is no name of a region')
    .optional(),
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. */
  AUDIT_OBJECT_STORE_PATH_STYLE: flag(false),
} as const;

export type ObjectStoreSettings = z.output<z.ZodObject<typeof OBJECT_STORE_SETTINGS>>;

/** The bucket and, with a slash at its end, the prefix of `s3://bucket/prefix`; undefined for anything else. */
export function parseLocation(
  text: string,
): { readonly bucket: string; readonly prefix: string } | undefined {
  if (!text.startsWith(SCHEME)) return undefined;
  const [bucket = '', ...segments] = text.slice(SCHEME.length).replace(/\/$/, '').split('/');
  const isSound = BUCKET.test(bucket) && segments.every(isSegment);
  return isSound ? { bucket, prefix: segments.map((segment) => `${segment}/`).join('') } : undefined;
}

/** Dots alone would be taken for folders on the way. */
function isSegment(text: string): boolean {
  return SEGMENT.test(text) && !/^\.+$/.test(text);
}

function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username + password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
}
