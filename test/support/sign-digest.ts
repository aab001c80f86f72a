import {
  constants,
  createECDH,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';

/** The order of P-256 (SEC 2 section 2.4.2). */
const N = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
/** The DER of a DigestInfo for SHA-256 up to the digest (RFC 8017 section 9.2). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Signs a SHA-256 digest as it stands, which node:crypto has no call for: ECDSA on P-256 as R || S (FIPS 186-5 section
 * 6.4.1), or RSASSA-PKCS1-v1_5.
 */
export function signDigest(key: KeyObject, digest: Buffer): Buffer {
  if (digest.length !== 32) throw new Error('not a digest of SHA-256');
  if (key.asymmetricKeyType === 'rsa')
    return privateEncrypt(
      { key, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([DIGEST_INFO, digest]),
    );
  const d = toNumber(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  for (;;) {
    const k = (toNumber(randomBytes(40)) % (N - 1n)) + 1n;
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(toBytes(k));
    const r = toNumber(ecdh.getPublicKey().subarray(1, 33)) % N;
    const s = (power(k, N - 2n) * ((toNumber(digest) + r * d) % N)) % N;
    if (r !== 0n && s !== 0n) return Buffer.concat([toBytes(r), toBytes(s)]);
  }
}

/** Whether R || S, an Ed25519 or an RSASSA-PKCS1-v1_5 signature is one of this message. */
export function verifies(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return verify(hash, message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}

/** R || S as an ASN.1 SEQUENCE of two INTEGERs (RFC 3279 section 2.2.3). */
export function toDer(raw: Buffer): Buffer {
  const integers = [raw.subarray(0, 32), raw.subarray(32)].map((part) => {
    const bare = part.subarray(part.findIndex((byte) => byte !== 0));
    const value = (bare[0] ?? 0) < 0x80 ? bare : Buffer.concat([Buffer.of(0), bare]);
    return Buffer.concat([Buffer.of(0x02, value.length), value]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, factor, rest] = [1n, base % N, exponent];
  for (; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % N;
    factor = (factor * factor) % N;
  }
  return result;
}
