import type { ReactNode } from 'react';
import { CERTIFICATES, KEYS, LOG_SUMMARY, SECRETS, SERVICES } from '../../graphql/documents.ts';
import type {
  CertificatesData,
  KeysData,
  LogSummaryData,
  SecretsData,
  ServicesData,
} from '../../graphql/shapes.ts';
import { STATUS_PERMISSION, useGatewayStatus } from '../../graphql/use-gateway-status.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { Page, Section } from '../../parts/page.tsx';
import { Guarded, ViewState } from '../../parts/states.tsx';
import { usePermission } from '../../session/use-session.ts';
import { Expiring } from './expiring.tsx';
import { LogSummary } from './log-summary.tsx';
import { Rates } from './rates.tsx';
import { ServiceStates } from './service-states.tsx';

const EVERY_MS = 30_000;
const T = {
  title: text('Overview', 'Resumen'),
  traffic: text('Requests', 'Peticiones'),
  services: text('Services', 'Servicios'),
  log: text('Audit log', 'Registro de auditoría'),
  expiring: text('Expires within 30 days', 'Caduca en 30 días'),
};

export function OverviewPage(): ReactNode {
  return (
    <Page title={T.title}>
      <Traffic />
      <Section title={T.log}>
        <Guarded needs="audit:proofs:read">
          <Log />
        </Guarded>
      </Section>
      <Section title={T.expiring}>
        <Expiries />
      </Section>
    </Page>
  );
}

function Traffic(): ReactNode {
  const may = usePermission();
  const view = useGatewayStatus();
  const services = useGraph<ServicesData>(
    SERVICES,
    {},
    { isEnabled: may('iam:services:read'), everyMilliseconds: EVERY_MS },
  );
  const status = view.data?.status;
  return (
    <>
      <Section title={T.traffic}>
        <Guarded needs={STATUS_PERMISSION}>
          <ViewState view={view} />
          {status !== undefined && <Rates status={status} />}
        </Guarded>
      </Section>
      <Section title={T.services}>
        <Guarded needs={STATUS_PERMISSION}>
          {status !== undefined && <ServiceStates status={status} services={services.data?.services ?? []} />}
        </Guarded>
      </Section>
    </>
  );
}

function Log(): ReactNode {
  const view = useGraph<LogSummaryData>(LOG_SUMMARY, {}, { everyMilliseconds: EVERY_MS });
  const integrity = view.data?.auditIntegrity;
  return (
    <>
      <ViewState view={view} />
      {integrity != null && <LogSummary integrity={integrity} />}
    </>
  );
}

/** Certificates, keys and secrets, each for whoever may see it. */
function Expiries(): ReactNode {
  const may = usePermission();
  const certificates = useGraph<CertificatesData>(
    CERTIFICATES,
    {},
    { isEnabled: may('iam:certificates:read') },
  );
  const keys = useGraph<KeysData>(KEYS, {}, { isEnabled: may('sts:keys:read') });
  const secrets = useGraph<SecretsData>(SECRETS, {}, { isEnabled: may('iam:secrets:read') });
  return (
    <>
      <ViewState view={certificates} />
      <ViewState view={keys} />
      <ViewState view={secrets} />
      <Expiring data={{ ...certificates.data, ...keys.data, ...secrets.data }} />
    </>
  );
}
