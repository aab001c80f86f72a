import type { ReactNode } from 'react';
import { INTEGRITY } from '../../graphql/documents.ts';
import type { IntegrityData, IntegrityShape } from '../../graphql/shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { CopyText, DataText } from '../../parts/data-text.tsx';
import { KnownKey } from '../../parts/event-verdict.tsx';
import { IntegrityMark, Mark } from '../../parts/mark.tsx';
import { DataTable, Empty, Facts, Page, Section } from '../../parts/page.tsx';
import { Guarded, ViewState } from '../../parts/states.tsx';
import { TimeText } from '../../parts/time-text.tsx';
import { Checkpoint, Checkpoints } from './checkpoint.tsx';
import { Consistency } from './consistency.tsx';
import { VerifyHere } from './verify-here.tsx';

const EVERY_MS = 10_000;
const T = {
  title: text('Integrity', 'Integridad'),
  state: text('State of the log', 'Estado del registro'),
  checkpoint: text('Last checkpoint', 'Último punto de control'),
  consistency: text('Has it only grown?', '¿Solo ha crecido?'),
  witnesses: text('Witnesses', 'Testigos'),
  gaps: text('Gaps', 'Huecos'),
  sinks: text('Copies in the SIEM', 'Copias en el SIEM'),
  verify: text('Verify a proof or an export here', 'Comprobar aquí una prueba o una exportación'),
  status: text('State', 'Estado'),
  size: text('Entries in the tree', 'Entradas en el árbol'),
  verified: text('Verified against the database', 'Comprobadas con la base de datos'),
  lag: text('Not yet under a checkpoint', 'Aún sin punto de control'),
  minimum: text('Entries kept from', 'Entradas guardadas desde la'),
  durability: text('A recorded event survives', 'Un evento registrado sobrevive'),
  lastWatch: text('Last watch', 'Última vigilancia'),
  lastFull: text('Last full pass', 'Última pasada completa'),
  key: text('Key of the log', 'Clave del registro'),
  noWitness: text('No witness is configured.', 'No hay ningún testigo configurado.'),
  noGap: text(
    'No gap: every counter of every source is there.',
    'Ningún hueco: están todos los números de cada origen.',
  ),
  noKnownGap: text('No gap is known.', 'No se conoce ningún hueco.'),
  uncounted: text('Sources beyond their account', 'Orígenes que exceden su cuenta'),
  uncountedWhy: text(
    'More came of these than the log keeps account of: whether they lost anything, only aduana audit verify can tell.',
    'De estos llegó más de lo que el registro lleva en cuenta: si perdieron algo, solo aduana audit verify lo puede decir.',
  ),
  ranges: text('Ranges of numbers', 'Rangos de números'),
  intents: text('Outcomes awaited', 'Resultados pendientes'),
  noSink: text('No sink is configured.', 'No hay ningún destino configurado.'),
  witness: text('Witness', 'Testigo'),
  cosigned: text('Last cosigned', 'Última firma'),
  error: text('Last error', 'Último error'),
  source: text('Source', 'Origen'),
  boot: text('Start', 'Arranque'),
  missing: text('Missing events', 'Eventos que faltan'),
  sink: text('Sink', 'Destino'),
  shipped: text('Shipped up to', 'Enviado hasta'),
  behind: text('Behind', 'Pendientes'),
};

export function IntegrityPage(): ReactNode {
  return (
    <Page title={T.title}>
      <Guarded needs="audit:proofs:read">
        <LogIntegrity />
      </Guarded>
      <Section title={T.verify}>
        <VerifyHere />
      </Section>
    </Page>
  );
}

function LogIntegrity(): ReactNode {
  const view = useGraph<IntegrityData>(INTEGRITY, {}, { everyMilliseconds: EVERY_MS });
  const integrity = view.data?.auditIntegrity;
  const checkpoint = view.data?.auditCheckpoint;
  return (
    <>
      <ViewState view={view} />
      {integrity != null && (
        <>
          <Section title={T.state}>
            <LogState integrity={integrity} />
          </Section>
          {checkpoint != null && (
            <>
              <Section title={T.checkpoint}>
                <Checkpoint note={checkpoint.note} vkey={integrity.vkey} />
                <Checkpoints checkpoints={integrity.checkpoints} vkey={integrity.vkey} />
              </Section>
              <Section title={T.consistency}>
                <Consistency size={checkpoint.size} note={checkpoint.note} vkey={integrity.vkey} />
              </Section>
            </>
          )}
          <Watchers integrity={integrity} />
        </>
      )}
    </>
  );
}

function LogState({ integrity }: { readonly integrity: IntegrityShape }): ReactNode {
  const { t, locale } = useLanguage();
  const count = (value: string): string => Number(value).toLocaleString(locale);
  const { watch, vkey } = integrity;
  return (
    <Facts
      facts={[
        [t(T.status), <IntegrityMark key="status" status={integrity.status} />],
        [t(T.size), count(integrity.size)],
        [t(T.verified), count(integrity.verifiedSize)],
        [t(T.lag), count(integrity.lag)],
        [t(T.minimum), count(integrity.minimumIndex)],
        [t(T.durability), integrity.durability],
        [t(T.lastWatch), <TimeText key="watch" at={watch?.lastRunAt} />],
        [t(T.lastFull), <TimeText key="full" at={watch?.lastFullRunAt} />],
        [
          t(T.key),
          <>
            <CopyText value={vkey} what="vkey" /> <KnownKey vkey={vkey} />
          </>,
        ],
      ]}
    />
  );
}

/** Who else looks after the log: witnesses, the counters of its sources, and the sinks that hold copies. */
function Watchers({ integrity }: { readonly integrity: IntegrityShape }): ReactNode {
  const { t, locale } = useLanguage();
  const { overBound } = integrity;
  const count = (value: string): string => Number(value).toLocaleString(locale);
  const errorCell = (error: string | null): ReactNode =>
    error === null ? (
      '–'
    ) : (
      <Mark tone="bad">
        <DataText value={error} />
      </Mark>
    );
  const witnesses = integrity.witnesses.map(({ url, size, lastCosignedAt, lastError }) => ({
    key: url,
    cells: [
      <DataText key="url" value={url} />,
      count(size),
      <TimeText key="at" at={lastCosignedAt} />,
      errorCell(lastError),
    ],
  }));
  const gaps = integrity.holes.map(({ instance, bootId, from, to }) => ({
    key: `${instance} ${bootId} ${from}`,
    cells: [
      <DataText key="instance" value={instance} />,
      <CopyText key="boot" value={bootId} what="boot id" short={13} />,
      `${count(from)}–${count(to)}`,
    ],
  }));
  const sinks = integrity.sinks.map(({ name, cursor, lag, lastError }) => ({
    key: name,
    cells: [<DataText key="name" value={name} />, count(cursor), count(lag), errorCell(lastError)],
  }));
  return (
    <>
      <Rows
        title={T.gaps}
        empty={overBound.length === 0 ? T.noGap : T.noKnownGap}
        head={[T.source, T.boot, T.missing].map((name) => t(name))}
        rows={gaps}
      />
      {overBound.length > 0 && <Uncounted peers={overBound} />}
      <Rows
        title={T.witnesses}
        empty={T.noWitness}
        head={[T.witness, T.size, T.cosigned, T.error].map((name) => t(name))}
        rows={witnesses}
      />
      <Rows
        title={T.sinks}
        empty={T.noSink}
        head={[T.sink, T.shipped, T.behind, T.error].map((name) => t(name))}
        rows={sinks}
      />
    </>
  );
}

/** Sources of which the log cannot say whether they lost anything. */
function Uncounted({ peers }: { readonly peers: IntegrityShape['overBound'] }): ReactNode {
  const { t, locale } = useLanguage();
  const rows = peers.map(({ peer, ranges, intents }) => ({
    key: peer,
    cells: [
      <DataText key="peer" value={peer} />,
      Number(ranges).toLocaleString(locale),
      Number(intents).toLocaleString(locale),
    ],
  }));
  return (
    <Section title={T.uncounted}>
      <p>{t(T.uncountedWhy)}</p>
      <DataTable
        label={t(T.uncounted)}
        head={[T.source, T.ranges, T.intents].map((name) => t(name))}
        rows={rows}
      />
    </Section>
  );
}

interface RowsProps {
  readonly title: (typeof T)[keyof typeof T];
  readonly empty: (typeof T)[keyof typeof T];
  readonly head: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}

function Rows({ title, empty, head, rows }: RowsProps): ReactNode {
  const { t } = useLanguage();
  return (
    <Section title={title}>
      {rows.length === 0 ? <Empty>{t(empty)}</Empty> : <DataTable label={t(title)} head={head} rows={rows} />}
    </Section>
  );
}
