import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { CertificatesData, KeysData, SecretsData } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Mark } from '../../parts/mark.tsx';
import { DataTable, Empty } from '../../parts/page.tsx';
import { Locked } from '../../parts/states.tsx';
import { daysUntil, TimeText } from '../../parts/time-text.tsx';
import { usePermission } from '../../session/use-session.ts';

const DAYS = 30;
const URGENT_DAYS = 7;
const NEEDED = ['iam:certificates:read', 'sts:keys:read', 'iam:secrets:read'];
const T = {
  label: text('What expires', 'Lo que caduca'),
  kind: text('Kind', 'Clase'),
  name: text('Name', 'Nombre'),
  when: text('When', 'Cuándo'),
  certificate: text('Certificate', 'Certificado'),
  key: text('Signing key', 'Clave de firma'),
  secret: text('Client secret', 'Secreto de cliente'),
  nothing: text(
    'Nothing that you may see expires within 30 days.',
    'Nada de lo que puede ver caduca en 30 días.',
  ),
};

interface Expiry {
  readonly kind: 'certificate' | 'key' | 'secret';
  readonly name: string;
  readonly at: string;
}

const PAGE_OF = { certificate: '/certificates', key: '/keys', secret: '/keys' } as const;

/** Certificates, keys and secrets that end soon, the next one first. */
export function Expiring({
  data,
}: {
  readonly data: Partial<CertificatesData & KeysData & SecretsData>;
}): ReactNode {
  const { t } = useLanguage();
  const may = usePermission();
  const soon = expiriesOf(data)
    .filter(({ at }) => daysUntil(at) < DAYS)
    .sort((one, other) => one.at.localeCompare(other.at));
  const rows = soon.map(({ kind, name, at }) => ({
    key: `${kind} ${name} ${at}`,
    cells: [
      <Link key="kind" to={PAGE_OF[kind]}>
        {t(T[kind])}
      </Link>,
      <DataText key="name" value={name} />,
      <Mark key="at" tone={daysUntil(at) < URGENT_DAYS ? 'bad' : 'warn'}>
        <TimeText at={at} isRelative />
      </Mark>,
    ],
  }));
  return (
    <>
      {NEEDED.filter((permission) => !may(permission)).map((permission) => (
        <Locked key={permission} permission={permission} />
      ))}
      {rows.length === 0 ? (
        <Empty>{t(T.nothing)}</Empty>
      ) : (
        <DataTable label={t(T.label)} head={[t(T.kind), t(T.name), t(T.when)]} rows={rows} />
      )}
    </>
  );
}

function expiriesOf(data: Partial<CertificatesData & KeysData & SecretsData>): readonly Expiry[] {
  const certificates = (data.certificates ?? []).filter(({ revoked }) => !revoked);
  const keys = (data.signingKeys ?? []).filter(({ state }) => state !== 'RETIRED' && state !== 'REVOKED');
  return [
    ...certificates.map(({ service, notAfter }): Expiry => ({
      kind: 'certificate',
      name: service,
      at: notAfter,
    })),
    ...keys.flatMap(({ kid, retiresAt }): Expiry[] =>
      retiresAt === null ? [] : [{ kind: 'key', name: kid, at: retiresAt }],
    ),
    ...(data.clientSecrets ?? []).flatMap(({ service, version, acceptedUntil }): Expiry[] =>
      acceptedUntil === null
        ? []
        : [{ kind: 'secret', name: `${service} (${String(version)})`, at: acceptedUntil }],
    ),
  ];
}
