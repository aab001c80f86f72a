import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { REQUEST } from '../../graphql/documents.ts';
import type { RequestData } from '../../graphql/shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { CopyText, DataText } from '../../parts/data-text.tsx';
import { Outcome } from '../../parts/mark.tsx';
import { Empty, Facts, Page, Section } from '../../parts/page.tsx';
import { Guarded, ViewState } from '../../parts/states.tsx';
import { TimeText } from '../../parts/time-text.tsx';
import { EventProof } from './event-proof.tsx';
import { Fields, Refusals } from './refusals.tsx';
import { readRecordedEvent, type RecordedEvent } from './recorded-event.ts';
import { WhoThroughWhom } from './who-through-whom.tsx';

const T = {
  title: text('Request', 'Petición'),
  back: text('Requests', 'Peticiones'),
  none: text(
    'The log has no event with this id, or it is not recorded yet.',
    'El registro no tiene ningún evento con este id, o aún no está escrito.',
  ),
  summary: text('What happened', 'Qué pasó'),
  who: text('Who, and through whom', 'Quién, y a través de quién'),
  refused: text('What was refused, and why', 'Qué se rechazó, y por qué'),
  unenforced: text('What would be refused (dry run)', 'Qué se rechazaría (simulacro)'),
  fields: text('Fields that ran', 'Campos ejecutados'),
  proof: text('Proof that this event is in the log', 'Prueba de que este evento está en el registro'),
  text: text('The event, exactly as it was hashed', 'El evento, tal como se resumió (hash)'),
  when: text('When', 'Cuándo'),
  outcome: text('Outcome', 'Resultado'),
  code: text('Code', 'Código'),
  reason: text('Reason', 'Motivo'),
  type: text('Type', 'Tipo'),
  operation: text('Operation', 'Operación'),
  document: text('SHA-256 of the document', 'SHA-256 del documento'),
  subgraphs: text('Subgraphs', 'Subgrafos'),
  errors: text('Error codes', 'Códigos de error'),
  trace: text('Trace', 'Traza'),
  sameTrace: text('Everything of this trace', 'Todo lo de esta traza'),
  policies: text('Policies in force (SHA-256)', 'Políticas vigentes (SHA-256)'),
  recordedBy: text('Recorded by', 'Registrado por'),
};

export function RequestPage(): ReactNode {
  const { auditId } = useParams({ from: '/requests/$auditId' });
  const { t } = useLanguage();
  return (
    <Page
      title={T.title}
      aside={
        <Link to="/requests" search={{}}>
          ← {t(T.back)}
        </Link>
      }
    >
      <p>
        <CopyText value={auditId} what="audit-id" />
      </p>
      <Guarded needs="audit:events:read">
        <RequestView auditId={auditId} />
      </Guarded>
    </Page>
  );
}

function RequestView({ auditId }: { readonly auditId: string }): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<RequestData>(REQUEST, { id: auditId });
  const event = view.data?.auditEvent;
  const recorded = event == null ? undefined : readRecordedEvent(event.canonical);
  const isMissing = event == null && !view.isLoading && view.away.length === 0 && view.error === undefined;
  return (
    <>
      <ViewState view={view} />
      {isMissing && <Empty>{t(T.none)}</Empty>}
      {event != null && recorded !== undefined && (
        <>
          <Section title={T.summary}>
            <Summary event={event} recorded={recorded} />
          </Section>
          <Section title={T.who}>
            <WhoThroughWhom recorded={recorded} />
          </Section>
          {recorded.refused.length > 0 && (
            <Section title={T.refused}>
              <Refusals refused={recorded.refused} more={recorded.moreRefused} />
            </Section>
          )}
          {recorded.unenforced.length > 0 && (
            <Section title={T.unenforced}>
              <Refusals refused={recorded.unenforced} more={0} />
            </Section>
          )}
          {recorded.fields.length > 0 && (
            <Section title={T.fields}>
              <Fields fields={recorded.fields} more={recorded.moreFields} />
            </Section>
          )}
        </>
      )}
      {event != null && (
        <>
          <Section title={T.proof}>
            <Guarded needs="audit:proofs:read">
              <EventProof event={event} />
            </Guarded>
          </Section>
          <Section title={T.text}>
            <pre className="canonical" tabIndex={0}>
              <DataText value={event.canonical} longest={40_000} />
            </pre>
          </Section>
        </>
      )}
    </>
  );
}

interface SummaryProps {
  readonly event: NonNullable<RequestData['auditEvent']>;
  readonly recorded: RecordedEvent;
}

function Summary({ event, recorded }: SummaryProps): ReactNode {
  const { t } = useLanguage();
  const { code, reason, traceId, policySha256, source } = recorded;
  const facts: (readonly [string, ReactNode])[] = [
    [t(T.outcome), <Outcome key="outcome" outcome={event.outcome} />],
    [t(T.when), <TimeText key="when" at={event.time} />],
    [t(T.type), <DataText key="type" value={event.type} />],
  ];
  if (event.type.startsWith('request')) {
    facts.push(
      [
        t(T.operation),
        <>
          <DataText value={recorded.operationKind} />{' '}
          <DataText value={recorded.operationName ?? event.operation} />
        </>,
      ],
      [t(T.document), <CopyText key="document" value={recorded.documentSha256} what="SHA-256" short={16} />],
      [t(T.subgraphs), <DataText key="subgraphs" value={recorded.subgraphs.join(', ')} />],
    );
  }
  if (code !== undefined) facts.push([t(T.code), <DataText key="code" value={code} isCode />]);
  if (reason !== undefined) facts.push([t(T.reason), <DataText key="reason" value={reason} />]);
  if (recorded.errorCodes.length > 0)
    facts.push([t(T.errors), <DataText key="errors" value={recorded.errorCodes.join(', ')} isCode />]);
  if (traceId !== undefined)
    facts.push([
      t(T.trace),
      <>
        <CopyText value={traceId} what="trace id" />{' '}
        <Link to="/requests" search={{ trace: traceId, type: 'any' }}>
          {t(T.sameTrace)}
        </Link>
      </>,
    ]);
  if (policySha256 !== undefined)
    facts.push([t(T.policies), <CopyText key="policies" value={policySha256} what="SHA-256" short={16} />]);
  facts.push(
    [
      t(T.recordedBy),
      <DataText
        key="source"
        value={[source.peer, source.instance, source.n].filter((part) => part !== undefined).join(' · ')}
      />,
    ],
    ...recorded.others.map(([name, value]) => [name, <DataText key={name} value={value} />] as const),
  );
  return <Facts facts={facts} />;
}
