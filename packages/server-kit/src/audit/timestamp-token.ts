import { createHash, verify, X509Certificate } from 'node:crypto';
import { id_signedData, SignedData, type SignerInfo } from '@peculiar/asn1-cms';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  id_ct_tstInfo,
  MessageImprint,
  PKIStatus,
  TimeStampReq,
  TimeStampReqVersion,
  TimeStampResp,
  TSTInfo,
} from '@peculiar/asn1-tsp';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';

/** What a time stamp authority answered cannot be relied on. */
export class TimestampError extends Error {
  override readonly name = 'TimestampError';
}

export interface TimestampChecks {
  /** SHA-256 of what was to be stamped. */
  readonly digest: Buffer;
  /** The nonce of the request. */
  readonly nonce: Buffer;
  /** Why the signer's certificate, with the others of the token as intermediates in order, is not trusted; undefined: it is. */
  readonly distrust: (
    signer: X509Certificate,
    intermediates: readonly X509Certificate[],
  ) => string | undefined;
}

const SHA256 = '2.16.840.1.101.3.4.2.1';
const DIGESTS: Readonly<Record<string, string>> = {
  [SHA256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** RSASSA-PKCS1-v1_5 and ECDSA by the curve's key; their digest is named by the signer info. */
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.1',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);
/** id-ct-TSTInfo, DER. */
const TST_INFO = Buffer.from('060b2a864886f70d0109100104', 'hex');
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const LONGEST_CHAIN = 5;
const SET_TAG = 0x31;

/** A `TimeStampReq` over a SHA-256 digest that asks for the signer's certificate (RFC 3161 section 2.4.1). */
export function createTimestampRequest(digest: Uint8Array, nonce: Uint8Array): Buffer {
  const request = new TimeStampReq({
    version: TimeStampReqVersion.v1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithm: SHA256, parameters: null }),
      hashedMessage: new OctetString(digest),
    }),
    nonce: positive(nonce),
    certReq: true,
  });
  return Buffer.from(AsnConvert.serialize(request));
}

/**
 * The time that an authority vouches for, after everything in its `TimeStampResp` was verified (RFC 3161 section 2.4.2,
 * RFC 5652 section 5.4).
 *
 * @param response DER
 * @returns milliseconds since the epoch
 * @throws TimestampError that says what does not hold
 */
export function verifyTimestamp(response: Uint8Array, checks: TimestampChecks): number {
  try {
    return verifyResponse(response, checks);
  } catch (error) {
    if (error instanceof TimestampError) throw error;
    throw new TimestampError('the token cannot be read', { cause: error });
  }
}

function verifyResponse(response: Uint8Array, checks: TimestampChecks): number {
  const { status, timeStampToken } = parse(response, TimeStampResp, 'the answer is no TimeStampResp');
  if (status.status !== PKIStatus.granted && status.status !== PKIStatus.grantedWithMods)
    throw new TimestampError(`the authority answered with status ${String(status.status)}`);
  if (timeStampToken?.contentType !== id_signedData) throw new TimestampError('there is no signed token');
  const signed = parse(new Uint8Array(timeStampToken.content), SignedData, 'the token cannot be read');
  const content = signed.encapContentInfo.eContent?.single;
  if (signed.encapContentInfo.eContentType !== id_ct_tstInfo || content === undefined)
    throw new TimestampError('the token holds no TSTInfo');
  verifySignature(signed, Buffer.from(content.buffer), checks);
  return timeOf(parse(new Uint8Array(content.buffer), TSTInfo, 'the TSTInfo cannot be read'), checks);
}

function timeOf({ messageImprint, nonce, genTime }: TSTInfo, checks: TimestampChecks): number {
  const { hashAlgorithm, hashedMessage } = messageImprint;
  if (hashAlgorithm.algorithm !== SHA256 || !checks.digest.equals(Buffer.from(hashedMessage.buffer)))
    throw new TimestampError('the token is of something else');
  if (nonce === undefined || !Buffer.from(positive(checks.nonce)).equals(Buffer.from(nonce)))
    throw new TimestampError('the token answers another request');
  return genTime.getTime();
}

function verifySignature(signed: SignedData, content: Buffer, { distrust }: TimestampChecks): void {
  const [info, ...others] = signed.signerInfos;
  if (info === undefined || others.length > 0) throw new TimestampError('the token has not one signer');
  const digest = DIGESTS[info.digestAlgorithm.algorithm];
  if (digest === undefined || !SIGNATURES.has(info.signatureAlgorithm.algorithm))
    throw new TimestampError('the token is signed by an algorithm that is not known here');
  const certificates = (signed.certificates ?? []).flatMap(({ certificate }) =>
    certificate === undefined ? [] : [new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)))],
  );
  const signer = certificates.find((certificate) => isNamed(certificate, info));
  if (signer === undefined) throw new TimestampError("the signer's certificate is not in the token");
  // RFC 5652 section 5.4: what is signed is the set under its own tag, not the implicit one
  const attributes = setOf(
    (info.signedAttrs ?? []).map((attribute) => Buffer.from(AsnConvert.serialize(attribute))),
  );
  if (!verify(digest, attributes, signer.publicKey, Buffer.from(info.signature.buffer)))
    throw new TimestampError('the signature of the token does not verify');
  if (!attributeOf(info, CONTENT_TYPE)?.equals(TST_INFO))
    throw new TimestampError('the signed content is no TSTInfo');
  if (!attributeOf(info, MESSAGE_DIGEST)?.equals(octetString(digestOf(digest, content))))
    throw new TimestampError('the signature covers another content');
  const usages = signer.keyUsage as readonly string[] | undefined;
  if (usages?.length !== 1 || usages[0] !== TIME_STAMPING)
    throw new TimestampError("the signer's certificate is not for time stamping alone");
  const reason = distrust(signer, chainOf(signer, certificates));
  if (reason !== undefined) throw new TimestampError(`the signer's certificate ${reason}`);
}

/** Whether the signed attributes name this certificate by its hash (RFC 5035 section 3, RFC 5816). */
function isNamed(certificate: X509Certificate, info: SignerInfo): boolean {
  const v2 = attributeOf(info, SIGNING_CERTIFICATE_V2);
  if (v2 !== undefined)
    return Object.values(DIGESTS).some((digest) =>
      v2.includes(octetString(digestOf(digest, certificate.raw))),
    );
  const v1 = attributeOf(info, SIGNING_CERTIFICATE);
  return v1?.includes(octetString(digestOf('sha1', certificate.raw))) === true;
}

/** The one value of a signed attribute, DER. */
function attributeOf(info: SignerInfo, type: string): Buffer | undefined {
  const found = (info.signedAttrs ?? []).filter(({ attrType }) => attrType === type);
  const value = found.length === 1 ? found[0]?.attrValues : undefined;
  return value?.length === 1 && value[0] !== undefined ? Buffer.from(value[0]) : undefined;
}

/** The certificates above one, nearest first. */
function chainOf(
  certificate: X509Certificate,
  certificates: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [certificate];
  while (chain.length < LONGEST_CHAIN) {
    const [below = certificate] = chain.slice(-1);
    const above = certificates.find((other) => !chain.includes(other) && below.checkIssued(other));
    if (above === undefined) break;
    chain.push(above);
  }
  return chain.slice(1);
}

function parse<Type>(bytes: Uint8Array, type: new () => Type, problem: string): Type {
  try {
    return AsnConvert.parse(bytes, type);
  } catch (cause) {
    throw new TimestampError(problem, { cause });
  }
}

function digestOf(digest: string, bytes: Uint8Array): Buffer {
  return createHash(digest).update(bytes).digest();
}

function octetString(bytes: Uint8Array): Buffer {
  return Buffer.from(AsnConvert.serialize(new OctetString(bytes)));
}

/** A DER SET of values that are in their order already. */
function setOf(values: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(values);
  const digits = contents.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  const header = contents.length < 0x80 ? length : Buffer.from([0x80 + length.length, ...length]);
  return Buffer.concat([Buffer.from([SET_TAG]), header, contents]);
}

/** The contents of a DER INTEGER that is not negative: shortest form. */
function positive(bytes: Uint8Array): ArrayBuffer {
  const significant = bytes.findIndex((byte) => byte !== 0);
  const shortest = bytes.subarray(significant < 0 ? bytes.length - 1 : significant);
  const padded = (shortest[0] ?? 0) >= 0x80 ? [0, ...shortest] : [...shortest];
  return new Uint8Array(padded).buffer;
}
