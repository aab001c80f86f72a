import { type LeafFile, readLeafFiles } from '@aduana/core/mtls/read-leaf-files';
import type { ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import { CERTIFICATES, type CertificateRow, ownRows, type Sealed } from './sealed-rows.ts';

type CertificateState = 'VALID' | 'DUE' | 'EXPIRED' | 'NOT_YET_VALID' | 'REVOKED';

/** The certificates of a folder, and which of them are revoked. */
export async function listCertificates(folder: string, reader: Database, seals: ReportedSeals, now: number) {
  const leaves = await readLeafFiles(folder);
  const { rows } = await reader.query<Sealed<CertificateRow>>(
    'SELECT thumbprint, event_id, reason, actor, at, seal FROM certificate_revocations',
  );
  const revoked = new Set(ownRows(CERTIFICATES, rows, seals).map(({ thumbprint }) => thumbprint));
  return leaves.map((leaf) => {
    const isRevoked = revoked.has(leaf.thumbprint);
    return {
      service: leaf.service,
      thumbprint: leaf.thumbprint,
      subject: leaf.subject,
      spiffeId: leaf.spiffeId ?? null,
      notBefore: toText(leaf.notBefore),
      notAfter: toText(leaf.notAfter),
      renewAt: toText(leaf.renewAt),
      revoked: isRevoked,
      state: isRevoked ? 'REVOKED' : stateOf(leaf, now),
    };
  });
}

function stateOf({ notBefore, notAfter, renewAt }: LeafFile, now: number): CertificateState {
  if (now >= notAfter) return 'EXPIRED';
  if (now < notBefore) return 'NOT_YET_VALID';
  return now >= renewAt ? 'DUE' : 'VALID';
}

function toText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
