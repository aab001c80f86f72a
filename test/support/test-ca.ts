import 'reflect-metadata';
import { mkdir, writeFile } from 'node:fs/promises';
import { KeyObject, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { certificateThumbprint } from '@aduana/core/mtls/peer-identity';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const DAY = 86_400_000;

/** Services that only call: no server EKU and no DNS name. */
const PURE_CLIENTS = new Set(['bff', 'actuator', 'operator', 'auditor']);

export const TEST_SERVICES = [
  'gateway', 'sts', 'audit', 'admin', 'console', 'leads', 'bff', 'actuator', 'operator', 'auditor',
] as const; // prettier-ignore

export interface TestLeaf {
  readonly cert: string;
  readonly key: string;
  /** DER. */
  readonly der: Buffer;
  readonly thumbprint: string;
  /** The DER chain, leaf first and without the CA, as a server or a client shows it. */
  readonly chain: readonly Buffer[];
}

export interface LeafOptions {
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly eku?: readonly string[];
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ca?: boolean;
}

export type BadLeaf =
  | 'self_signed'
  | 'unknown_ca'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_eku'
  | 'no_eku'
  | 'no_spiffe_id'
  | 'two_spiffe_ids'
  | 'wrong_trust_domain'
  | 'ca_as_leaf';

export const BAD_LEAVES: readonly BadLeaf[] = [
  'self_signed', 'unknown_ca', 'expired', 'not_yet_valid', 'wrong_eku', 'no_eku', 'no_spiffe_id',
  'two_spiffe_ids', 'wrong_trust_domain', 'ca_as_leaf',
]; // prettier-ignore

export interface TestCa {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  issue(service: string, options?: LeafOptions): Promise<TestLeaf>;
  /** A good certificate that an intermediate of this CA signed, which is shown with it. */
  issueOverIntermediate(service: string): Promise<TestLeaf>;
  /** A certificate that claims to be `service` and must be refused. */
  issueBad(kind: BadLeaf, service: string): Promise<TestLeaf>;
  /** Fills a folder as CERTS_DIR is: `ca.crt`, `<service>.crt`, `<service>.key`. */
  write(folder: string, services?: readonly string[]): Promise<void>;
}

interface CaOptions {
  readonly trustDomain?: string;
  readonly name?: string;
  /** Milliseconds since the epoch. */
  readonly now?: number;
}

/** A certificate authority for tests: its good leaves follow the deployment's profile, its bad ones break one rule each. */
export async function createTestCa(options: CaOptions = {}): Promise<TestCa> {
  const { trustDomain = 'aduana.local', name = 'Test CA', now = Date.now() } = options;
  const keys = await generateKeys();
  const signer = { subject: `CN=${name}`, keys };
  const authority = await signAuthority(signer, signer, now);
  const cert = new NodeCertificate(Buffer.from(authority.rawData)).toString();

  async function issue(
    service: string,
    leaf: LeafOptions = {},
    by: Signer | 'itself' = signer,
  ): Promise<TestLeaf> {
    const leafKeys = await generateKeys();
    const pureClient = PURE_CLIENTS.has(service);
    const { eku = pureClient ? [CLIENT_AUTH] : [SERVER_AUTH, CLIENT_AUTH], ca = false } = leaf;
    const { uris = [`spiffe://${trustDomain}/${service}`], dns = pureClient ? [] : ['localhost'] } = leaf;
    const names: x509.JsonGeneralNames = [
      ...uris.map((value) => ({ type: 'url' as const, value })),
      ...dns.map((value) => ({ type: 'dns' as const, value })),
      ...(dns.length > 0 ? ['127.0.0.1', '::1'].map((value) => ({ type: 'ip' as const, value })) : []),
    ];
    const usages = ca ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature;
    const certificate = await sign({
      subject: `CN=${service}`,
      keys: leafKeys,
      signer: by === 'itself' ? { subject: `CN=${service}`, keys: leafKeys } : by,
      validity: [leaf.notBefore ?? now - 60_000, leaf.notAfter ?? now + DAY],
      extensions: [
        new x509.BasicConstraintsExtension(ca, undefined, true),
        new x509.KeyUsagesExtension(usages, true),
        ...(eku.length > 0 ? [new x509.ExtendedKeyUsageExtension([...eku])] : []),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    const der = Buffer.from(certificate.rawData);
    return {
      cert: new NodeCertificate(der).toString(),
      key: toPem(leafKeys),
      der,
      thumbprint: certificateThumbprint(der),
      chain: [der],
    };
  }

  const bad: Record<BadLeaf, (service: string) => Promise<TestLeaf>> = {
    self_signed: (service) => issue(service, {}, 'itself'),
    unknown_ca: async (service) => (await createTestCa({ trustDomain, name, now })).issue(service),
    expired: (service) => issue(service, { notBefore: now - 2 * DAY, notAfter: now - DAY }),
    not_yet_valid: (service) => issue(service, { notBefore: now + DAY, notAfter: now + 2 * DAY }),
    wrong_eku: (service) => issue(service, { eku: [CODE_SIGNING] }),
    no_eku: (service) => issue(service, { eku: [] }),
    no_spiffe_id: (service) => issue(service, { uris: [], dns: ['localhost'] }),
    two_spiffe_ids: (service) =>
      issue(service, { uris: [`spiffe://${trustDomain}/${service}`, `spiffe://${trustDomain}/operator`] }),
    wrong_trust_domain: (service) => issue(service, { uris: [`spiffe://elsewhere.example/${service}`] }),
    ca_as_leaf: (service) => issue(service, { ca: true }),
  };

  return {
    cert,
    key: toPem(keys),
    issue: (service, leaf) => issue(service, leaf),
    async issueOverIntermediate(service) {
      const intermediate = { subject: 'CN=Intermediate', keys: await generateKeys() };
      const der = Buffer.from((await signAuthority(intermediate, signer, now)).rawData);
      const leaf = await issue(service, {}, intermediate);
      return { ...leaf, cert: leaf.cert + new NodeCertificate(der).toString(), chain: [...leaf.chain, der] };
    },
    issueBad: (kind, service) => bad[kind](service),
    async write(folder, services = TEST_SERVICES) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'ca.crt'), cert);
      for (const service of services) {
        const leaf = await issue(service);
        await writeFile(join(folder, `${service}.crt`), leaf.cert);
        await writeFile(join(folder, `${service}.key`), leaf.key, { mode: 0o600 });
      }
    },
  };
}

interface Signer {
  readonly subject: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

interface Profile extends Signer {
  readonly signer: Signer;
  readonly validity: readonly [notBefore: number, notAfter: number];
  readonly extensions: readonly x509.Extension[];
}

async function sign(profile: Profile): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create(
    {
      subject: profile.subject,
      issuer: profile.signer.subject,
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)))
        .toString('hex')
        .replace(/^./, '4'),
      notBefore: new Date(profile.validity[0]),
      notAfter: new Date(profile.validity[1]),
      signingAlgorithm: ALGORITHM,
      publicKey: profile.keys.publicKey,
      signingKey: profile.signer.keys.privateKey,
      extensions: [
        ...profile.extensions,
        await x509.SubjectKeyIdentifierExtension.create(profile.keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(profile.signer.keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
}

function signAuthority(authority: Signer, signer: Signer, now: number): Promise<x509.X509Certificate> {
  return sign({
    ...authority,
    signer,
    validity: [now - DAY, now + 3650 * DAY],
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function toPem(keys: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}
