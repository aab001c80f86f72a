import type { ReactNode } from 'react';
import { runMutation } from '../graphql/ask-gateway.ts';
import { CERTIFICATES, REVOKE_CERTIFICATE } from '../graphql/documents.ts';
import type { CertificatesData, CertificateShape } from '../graphql/shapes.ts';
import { useGraph } from '../graphql/use-graph.ts';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { Action } from '../parts/action-dialog.tsx';
import { CopyText, DataText } from '../parts/data-text.tsx';
import { Mark, type Tone } from '../parts/mark.tsx';
import { DataTable, Empty, Page, Section } from '../parts/page.tsx';
import { Guarded, ViewState } from '../parts/states.tsx';
import { daysUntil, TimeText } from '../parts/time-text.tsx';

const T = {
  title: text('Certificates', 'Certificados'),
  timeline: text('When they expire', 'Cuándo caducan'),
  all: text('All certificates', 'Todos los certificados'),
  renewal: text('Renew', 'Renovar'),
  service: text('Service', 'Servicio'),
  state: text('State', 'Estado'),
  from: text('Valid from', 'Válido desde'),
  until: text('Valid until', 'Válido hasta'),
  spiffe: text('SPIFFE ID', 'SPIFFE ID'),
  thumbprint: text('Thumbprint (x5t#S256)', 'Huella (x5t#S256)'),
  revoke: text('Revoke', 'Revocar'),
  effectRefused: text(
    'Every service refuses this certificate within 2 seconds, and ends the connections that use it.',
    'Todos los servicios rechazan este certificado en 2 segundos y cierran las conexiones que lo usan.',
  ),
  effectNew: text(
    'Its service cannot work until it has another certificate. A revocation is never taken back.',
    'Su servicio no puede trabajar hasta tener otro certificado. Una revocación no se deshace.',
  ),
  revoked: text('Revoked.', 'Revocado.'),
  none: text('No certificate is known here.', 'Aquí no se conoce ningún certificado.'),
  renew: text(
    'No service holds the key of the certificate authority, so that nobody who breaks into one can make certificates. Renew on the machine that has the key; services take the new certificate without a restart:',
    'Ningún servicio tiene la clave de la autoridad de certificación, para que nadie que entre en uno pueda crear certificados. Renueve en la máquina que tiene la clave; los servicios toman el certificado nuevo sin reiniciar:',
  ),
  summary: text('{service} expires in {n} days', '{service} caduca en {n} días'),
  today: text('today', 'hoy'),
};

export function CertificatesPage(): ReactNode {
  return (
    <Page title={T.title}>
      <Guarded needs="iam:certificates:read">
        <Certificates />
      </Guarded>
      <Section title={T.renewal}>
        <Renewal />
      </Section>
    </Page>
  );
}

function Renewal(): ReactNode {
  const { t } = useLanguage();
  return (
    <>
      <p>{t(T.renew)}</p>
      <pre tabIndex={0}>npx aduana certs renew</pre>
    </>
  );
}

function Certificates(): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<CertificatesData>(CERTIFICATES);
  const certificates = [...(view.data?.certificates ?? [])].sort((a, b) =>
    a.notAfter.localeCompare(b.notAfter),
  );
  const rows = certificates.map((certificate) => ({
    key: certificate.thumbprint,
    cells: [
      <DataText key="service" value={certificate.service} />,
      <Mark key="state" tone={toneOf(certificate)}>
        {certificate.state}
      </Mark>,
      <TimeText key="from" at={certificate.notBefore} />,
      <TimeText key="until" at={certificate.notAfter} />,
      <DataText key="spiffe" value={certificate.spiffeId} isCode />,
      <CopyText key="thumbprint" value={certificate.thumbprint} what="x5t#S256" short={16} />,
      !certificate.revoked && <Revoke key="revoke" certificate={certificate} />,
    ],
  }));
  const head = [T.service, T.state, T.from, T.until, T.spiffe, T.thumbprint, T.revoke].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {view.data?.certificates != null && (
        <>
          <Section title={T.timeline}>
            {rows.length === 0 ? <Empty>{t(T.none)}</Empty> : <Timeline certificates={certificates} />}
          </Section>
          <Section title={T.all}>
            <DataTable label={t(T.all)} head={head} rows={rows} />
          </Section>
        </>
      )}
    </>
  );
}

function toneOf({ revoked, notAfter }: CertificateShape): Tone {
  const days = daysUntil(notAfter);
  if (revoked || days < 7) return 'bad';
  return days < 30 ? 'warn' : 'good';
}

function Revoke({ certificate }: { readonly certificate: CertificateShape }): ReactNode {
  const { t } = useLanguage();
  const { thumbprint, service } = certificate;
  return (
    <Action
      label={T.revoke}
      about={service}
      permission="iam:certificates:revoke"
      effects={[t(T.effectRefused), t(T.effectNew)]}
      run={async (reason) => {
        await runMutation(REVOKE_CERTIFICATE, { thumbprint, reason });
        return t(T.revoked);
      }}
    />
  );
}

const ROW = 22;
const NAMES = 110;
const WIDTH = 720;

/** One bar for each certificate, from now to its end: the shortest is the next to renew. */
function Timeline({ certificates }: { readonly certificates: readonly CertificateShape[] }): ReactNode {
  const { t } = useLanguage();
  const shown = certificates.filter(({ revoked }) => !revoked);
  const most = Math.max(1, ...shown.map(({ notAfter }) => daysUntil(notAfter)));
  const height = (shown.length + 1) * ROW;
  const widthOf = (days: number): number => Math.max(2, (Math.max(0, days) / most) * (WIDTH - NAMES - 70));
  return (
    <svg
      className="timeline"
      role="img"
      viewBox={`0 0 ${String(WIDTH)} ${String(height)}`}
      aria-label={shown
        .map(({ service, notAfter }) => t(T.summary, { service, n: Math.floor(daysUntil(notAfter)) }))
        .join('; ')}
    >
      <path className="now" d={`M${String(NAMES)} 0V${String(height - ROW + 4)}`} />
      <text x={NAMES} y={height - 6}>
        {t(T.today)}
      </text>
      {shown.map(({ service, thumbprint, notAfter, revoked, ...rest }, at) => (
        <g key={thumbprint} transform={`translate(0 ${String(at * ROW)})`}>
          <text className="name" x="0" y="15">
            {service.slice(0, 18)}
          </text>
          <rect
            className={toneOf({ service, thumbprint, notAfter, revoked, ...rest })}
            x={NAMES}
            y="4"
            width={widthOf(daysUntil(notAfter))}
            height={ROW - 8}
            rx="3"
          />
          <text x={NAMES + widthOf(daysUntil(notAfter)) + 30} y="15">
            {new Date(notAfter).toISOString().slice(0, 10)}
          </text>
        </g>
      ))}
    </svg>
  );
}
