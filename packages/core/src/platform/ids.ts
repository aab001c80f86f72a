import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** A time-ordered unique id (RFC 9562 section 5.7, UUIDv7). */
export function uuidv7(epochMilliseconds: number): string {
  if (epochMilliseconds !== millisecond.at) {
    const digits = Math.floor(epochMilliseconds).toString(16).padStart(12, '0');
    Object.assign(millisecond, { at: epochMilliseconds, text: `${digits.slice(0, 8)}-${digits.slice(8)}` });
  }
  const digits = randomDigits(19);
  const variant = VARIANT[digits.charCodeAt(18) & 3] ?? '8';
  return `${millisecond.text}-7${digits.slice(0, 3)}-${variant}${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
}

/** The beginning of ids that are made within one millisecond. */
const millisecond = { at: -1, text: '' };
/** RFC 9562 section 4.1: two bits are fixed. */
const VARIANT = '89ab';

/** A random unique id (RFC 9562 section 5.4, UUIDv4). */
export function uuid(): string {
  return randomUUID();
}

const POOL_BYTES = 4_096;
/** Small, as a part of a text may keep all of it in memory. */
const DIGIT_POOL_BYTES = 512;
const pool = { bytes: Buffer.alloc(0), used: 0 };

/** Random bytes of a cryptographic generator; a few come out of a pool, as each call of the generator is costly. */
export function random(byteLength: number): Buffer {
  if (byteLength > 32) return randomBytes(byteLength);
  if (pool.used + byteLength > pool.bytes.length) {
    pool.bytes = randomBytes(POOL_BYTES);
    pool.used = 0;
  }
  const taken = Buffer.from(pool.bytes.subarray(pool.used, pool.used + byteLength));
  // What was given out stays nowhere else.
  pool.bytes.fill(0, pool.used, pool.used + byteLength);
  pool.used += byteLength;
  return taken;
}

const digitPool = { text: '', used: 0 };

/** Random hexadecimal digits for names that are no secrets; many are made at once, as each call of the generator is costly. */
export function randomDigits(count: number): string {
  if (digitPool.used + count > digitPool.text.length) {
    digitPool.text = randomBytes(DIGIT_POOL_BYTES).toString('hex');
    digitPool.used = 0;
  }
  return digitPool.text.slice(digitPool.used, (digitPool.used += count));
}

/** A random secret of 256 bits in base64url. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A number between `1 - spread` and `1 + spread`, to keep replicas from acting in step. */
export function jitter(spread: number): number {
  return 1 + spread * (randomInt(0, 2_000_001) / 1_000_000 - 1);
}
