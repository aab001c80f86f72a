import { type ReactNode, useState } from 'react';
import { runMutation } from '../graphql/ask-gateway.ts';
import {
  RESTORE_SERVICE,
  REVOKE_SUBJECT,
  SERVICES,
  SUBJECTS,
  SUSPEND_SERVICE,
} from '../graphql/documents.ts';
import type { ServicesData, ServiceShape, SubjectsData, SubjectShape } from '../graphql/shapes.ts';
import { useGraph } from '../graphql/use-graph.ts';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { Action } from '../parts/action-dialog.tsx';
import { DataText } from '../parts/data-text.tsx';
import { Field } from '../parts/form.tsx';
import { Mark } from '../parts/mark.tsx';
import { DataTable, Empty, Page, Section } from '../parts/page.tsx';
import { Guarded, ViewState } from '../parts/states.tsx';
import { TimeText } from '../parts/time-text.tsx';

const T = {
  title: text('Services', 'Servicios'),
  registered: text('Registered services', 'Servicios registrados'),
  sessions: text('Live sessions', 'Sesiones vivas'),
  revokeOther: text('Revoke a subject', 'Revocar un sujeto'),
  service: text('Service', 'Servicio'),
  state: text('State', 'Estado'),
  roles: text('Roles', 'Roles'),
  tokens: text('Live tokens', 'Tokens vivos'),
  spiffe: text('SPIFFE ID', 'SPIFFE ID'),
  action: text('Action', 'Acción'),
  working: text('working', 'en servicio'),
  suspended: text('suspended', 'suspendido'),
  suspend: text('Suspend', 'Suspender'),
  restore: text('Restore', 'Restaurar'),
  effectSuspend: text(
    'Every token and certificate of this service is refused everywhere within 2 seconds.',
    'Todo token y certificado de este servicio se rechaza en todas partes en 2 segundos.',
  ),
  effectStays: text(
    'It stays so over restarts, until somebody restores the service.',
    'Sigue así aunque se reinicie, hasta que alguien restaure el servicio.',
  ),
  effectRestore: text(
    'The service may authenticate and be called again within 2 seconds.',
    'El servicio podrá autenticarse y ser llamado de nuevo en 2 segundos.',
  ),
  changed: text('Done.', 'Hecho.'),
  subject: text('Subject', 'Sujeto'),
  issuer: text('Issuer', 'Emisor'),
  kind: text('Kind', 'Clase'),
  clients: text('Through', 'A través de'),
  until: text('At most until', 'Como mucho hasta'),
  revoke: text('Revoke', 'Revocar'),
  effectRevoke: text(
    'Every token of this subject that was issued until now, and all that derives from it, is refused within 2 seconds.',
    'Todo token de este sujeto emitido hasta ahora, y lo que derive de él, se rechaza en 2 segundos.',
  ),
  effectLater: text(
    'What its issuer gives it later is accepted: to keep it out for good, remove it there.',
    'Lo que su emisor le dé después se acepta: para dejarlo fuera del todo, elimínelo allí.',
  ),
  none: text('Nobody holds a live token.', 'Nadie tiene un token vivo.'),
};

export function ServicesPage(): ReactNode {
  return (
    <Page title={T.title}>
      <Section title={T.registered}>
        <Guarded needs="iam:services:read">
          <Registered />
        </Guarded>
      </Section>
      <Section title={T.sessions}>
        <Guarded needs="iam:services:read">
          <Sessions />
        </Guarded>
      </Section>
      <Section title={T.revokeOther}>
        <Guarded needs="iam:subjects:revoke">
          <RevokeOther />
        </Guarded>
      </Section>
    </Page>
  );
}

function Registered(): ReactNode {
  const { t, locale } = useLanguage();
  const view = useGraph<ServicesData>(SERVICES);
  const services = view.data?.services;
  const rows = (services ?? []).map((service) => ({
    key: service.id,
    cells: [
      <DataText key="id" value={service.id} />,
      <Mark key="state" tone={service.suspended ? 'bad' : 'good'}>
        {t(service.suspended ? T.suspended : T.working)}
      </Mark>,
      <DataText key="roles" value={service.roles.join(', ')} />,
      service.activeTokens === null ? '–' : service.activeTokens.toLocaleString(locale),
      <DataText key="spiffe" value={service.spiffeId} isCode />,
      <SuspendOrRestore key="action" service={service} />,
    ],
  }));
  const head = [T.service, T.state, T.roles, T.tokens, T.spiffe, T.action].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {services != null && <DataTable label={t(T.registered)} head={head} rows={rows} />}
    </>
  );
}

function SuspendOrRestore({ service }: { readonly service: ServiceShape }): ReactNode {
  const { t } = useLanguage();
  const { id, suspended } = service;
  return (
    <Action
      key={String(suspended)}
      label={suspended ? T.restore : T.suspend}
      about={id}
      permission="iam:services:write"
      isDestructive={!suspended}
      effects={suspended ? [t(T.effectRestore)] : [t(T.effectSuspend), t(T.effectStays)]}
      run={async (reason) => {
        await runMutation(suspended ? RESTORE_SERVICE : SUSPEND_SERVICE, { id, reason });
        return t(T.changed);
      }}
    />
  );
}

function Sessions(): ReactNode {
  const { t, locale } = useLanguage();
  const view = useGraph<SubjectsData>(SUBJECTS);
  const subjects = view.data?.activeSubjects;
  const rows = (subjects ?? []).map((subject) => ({
    key: `${subject.issuer} ${subject.subject}`,
    cells: [
      <DataText key="subject" value={subject.subject} />,
      <DataText key="issuer" value={subject.issuer} />,
      subject.kind,
      <DataText key="clients" value={subject.clients.join(', ')} />,
      subject.tokens.toLocaleString(locale),
      <TimeText key="until" at={subject.expiresAt} />,
      <RevokeSubject key="revoke" {...subject} />,
    ],
  }));
  const head = [T.subject, T.issuer, T.kind, T.clients, T.tokens, T.until, T.action].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {subjects != null &&
        (rows.length === 0 ? (
          <Empty>{t(T.none)}</Empty>
        ) : (
          <DataTable label={t(T.sessions)} head={head} rows={rows} />
        ))}
    </>
  );
}

function RevokeSubject({ issuer, subject }: Pick<SubjectShape, 'issuer' | 'subject'>): ReactNode {
  const { t } = useLanguage();
  return (
    <Action
      label={T.revoke}
      about={subject}
      permission="iam:subjects:revoke"
      effects={[t(T.effectRevoke), t(T.effectLater)]}
      run={async (reason) => {
        await runMutation(REVOKE_SUBJECT, { issuer, subject, reason });
        return t(T.changed);
      }}
    />
  );
}

/** For a subject that has no live session at this moment. */
function RevokeOther(): ReactNode {
  const { t } = useLanguage();
  const [issuer, setIssuer] = useState('');
  const [subject, setSubject] = useState('');
  return (
    <div className="form">
      <Field label={t(T.issuer)} value={issuer} onChange={setIssuer} />
      <Field label={t(T.subject)} value={subject} onChange={setSubject} />
      <div className="buttons">
        {issuer !== '' && subject !== '' && <RevokeSubject issuer={issuer} subject={subject} />}
      </div>
    </div>
  );
}
