import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** A time-ordered unique id (RFC 9562 section 5.7, UUIDv7). */
export function uuidv7(epochMilliseconds: number): string {
  const bytes = random(16);
  bytes.writeUIntBE(epochMilliseconds, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A random unique id (RFC 9562 section 5.4, UUIDv4). */
export function uuid(): string {
  return randomUUID();
}

const POOL_BYTES = 4_096;
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

/** A random secret of 256 bits in base64url. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A number between `1 - spread` and `1 + spread`, to keep replicas from acting in step. */
export function jitter(spread: number): number {
  return 1 + spread * (randomInt(0, 2_000_001) / 1_000_000 - 1);
}
