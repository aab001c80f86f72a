import { type ChangeEvent, type FormEvent, type ReactNode, useState } from 'react';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { EventVerdictView, KnownKey, SignatureMark } from '../../parts/event-verdict.tsx';
import { Field } from '../../parts/form.tsx';
import { Mark } from '../../parts/mark.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Failure } from '../../parts/states.tsx';
import { type Evidence, readEvidence } from '../../verification/read-evidence.ts';
import { type EventVerdict, verifyEvent } from '../../verification/verify-event.ts';
import { type ExportVerdict, verifyExport } from '../../verification/verify-export.ts';
import { Checkpoint } from './checkpoint.tsx';

const T = {
  how: text(
    'Paste a proof, a checkpoint or an export, or choose its files (entries.jsonl, checkpoint and vkey). Nothing leaves this browser.',
    'Pegue una prueba, un punto de control o una exportación, o elija sus ficheros (entries.jsonl, checkpoint y vkey). Nada sale de este navegador.',
  ),
  proof: text('Proof, checkpoint or entries', 'Prueba, punto de control o entradas'),
  canonical: text(
    'Text of the event (for a proof that does not hold it)',
    'Texto del evento (para una prueba que no lo contiene)',
  ),
  vkey: text('Key of the log (vkey)', 'Clave del registro (vkey)'),
  files: text('Files', 'Ficheros'),
  verify: text('Verify', 'Comprobar'),
  running: text('Verifying: {n} %', 'Comprobando: {n} %'),
  unknown: text(
    'This is no proof, checkpoint or export that the console knows.',
    'Esto no es ninguna prueba, punto de control ni exportación que la consola conozca.',
  ),
  whole: text(
    'The {n} entries give the root that was signed for {size} entries',
    'Las {n} entradas dan la raíz que se firmó para {size} entradas',
  ),
  notWhole: text(
    'The entries do NOT give the root that was signed: something was changed, or is missing',
    'Las entradas NO dan la raíz firmada: algo se cambió o falta',
  ),
  beyond: text(
    'There are entries beyond the {size} signed ones: somebody added them, or the checkpoint is an older one',
    'Hay entradas más allá de las {size} firmadas: alguien las añadió, o el punto de control es anterior',
  ),
  noCheckpoint: text(
    '{n} entries were read, and there is no checkpoint to compare them with',
    'Se leyeron {n} entradas y no hay punto de control con el que compararlas',
  ),
  gaps: text('Missing numbers of {source}: {from} to {to}', 'Faltan números de {source}: del {from} al {to}'),
  noGaps: text('No counter of any source is missing', 'No falta ningún número de ningún origen'),
};

type Outcome =
  | {
      readonly kind: 'event';
      readonly verdict: EventVerdict;
      readonly evidence: Extract<Evidence, { kind: 'event' }>['evidence'];
    }
  | { readonly kind: 'note'; readonly note: string; readonly vkey: string }
  | { readonly kind: 'export'; readonly verdict: ExportVerdict }
  | { readonly kind: 'unknown' };

/** Verifies what somebody pastes or chooses, without asking any server. */
export function VerifyHere(): ReactNode {
  const { t } = useLanguage();
  const [given, setGiven] = useState({ pasted: '', canonical: '', vkey: '' });
  const [files, setFiles] = useState<readonly File[]>([]);
  const [progress, setProgress] = useState<number>();
  const [outcome, setOutcome] = useState<Outcome>();
  const [error, setError] = useState<Error>();
  const set = (name: keyof typeof given) => (value: string) => {
    setGiven({ ...given, [name]: value });
  };
  const choose = ({ target }: ChangeEvent<HTMLInputElement>): void => {
    setFiles([...(target.files ?? [])]);
  };
  const run = async (): Promise<void> => {
    setOutcome(undefined);
    setError(undefined);
    setProgress(0);
    try {
      const texts = await Promise.all(files.map((file) => file.text()));
      setOutcome(await verifyTexts([given.pasted, ...texts], given, setProgress));
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    } finally {
      setProgress(undefined);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void run();
  };
  return (
    <>
      <p>{t(T.how)}</p>
      <form className="form" onSubmit={submit}>
        <div className="wide">
          <Field label={t(T.proof)} rows={5} value={given.pasted} onChange={set('pasted')} />
        </div>
        <Field label={t(T.canonical)} rows={2} value={given.canonical} onChange={set('canonical')} />
        <Field label={t(T.vkey)} rows={2} value={given.vkey} onChange={set('vkey')} />
        <div className="field">
          <label htmlFor="evidence-files">{t(T.files)}</label>
          <input id="evidence-files" type="file" multiple onChange={choose} />
        </div>
        <div className="buttons">
          <button type="submit" className="primary" disabled={progress !== undefined}>
            {t(T.verify)}
          </button>
        </div>
      </form>
      {progress !== undefined && <p role="status">{t(T.running, { n: Math.round(progress * 100) })}</p>}
      <Failure error={error} />
      {outcome !== undefined && <OutcomeView outcome={outcome} />}
    </>
  );
}

async function verifyTexts(
  texts: readonly string[],
  given: { readonly canonical: string; readonly vkey: string },
  onProgress: (share: number) => void,
): Promise<Outcome> {
  const canonical = given.canonical.trim();
  const read = texts
    .filter((text) => text.trim() !== '')
    .map((text) => readEvidence(withEnd(text), given.vkey.trim(), canonical));
  const find = <Kind extends Evidence['kind']>(kind: Kind): Extract<Evidence, { kind: Kind }> | undefined =>
    read.find((one): one is Extract<Evidence, { kind: Kind }> => one?.kind === kind);
  const vkey = given.vkey.trim() === '' ? (find('vkey')?.vkey ?? '') : given.vkey.trim();
  const event = find('event');
  if (event !== undefined) {
    const evidence = { ...event.evidence, vkey: event.evidence.vkey === '' ? vkey : event.evidence.vkey };
    return { kind: 'event', evidence, verdict: await verifyEvent(evidence) };
  }
  const entries = find('entries');
  const note = find('note');
  if (entries !== undefined) {
    const files = { entries: entries.text, checkpoint: note?.note ?? '', vkey };
    return { kind: 'export', verdict: await verifyExport(files, onProgress) };
  }
  return note === undefined ? { kind: 'unknown' } : { kind: 'note', note: note.note, vkey };
}

/** A note ends with a line break, which pasting may lose. */
function withEnd(text: string): string {
  const unified = text.replaceAll('\r\n', '\n');
  return unified.endsWith('\n') ? unified : `${unified}\n`;
}

function OutcomeView({ outcome }: { readonly outcome: Outcome }): ReactNode {
  const { t } = useLanguage();
  switch (outcome.kind) {
    case 'event':
      return <EventVerdictView evidence={outcome.evidence} verdict={outcome.verdict} />;
    case 'note':
      return (
        <>
          <Checkpoint note={outcome.note} vkey={outcome.vkey} />
          <KnownKey vkey={outcome.vkey} />
        </>
      );
    case 'export':
      return <ExportVerdictView verdict={outcome.verdict} />;
    case 'unknown':
      return (
        <p className="notice bad" role="alert">
          {t(T.unknown)}
        </p>
      );
  }
}

function ExportVerdictView({ verdict }: { readonly verdict: ExportVerdict }): ReactNode {
  const { t, locale } = useLanguage();
  const { entries, signedSize, isWhole, signature, gaps } = verdict;
  const n = entries.toLocaleString(locale);
  const isVerified = isWhole && signature === 'valid' && gaps.length === 0;
  const refuted = entries > (signedSize ?? entries) ? T.beyond : T.notWhole;
  return (
    <div role="status" data-export={isVerified ? 'verified' : 'refuted'}>
      {signature === 'no_checkpoint' ? (
        <Mark tone="warn">{t(T.noCheckpoint, { n })}</Mark>
      ) : (
        <>
          <p>
            <Mark tone={isWhole ? 'good' : 'bad'}>
              {t(isWhole ? T.whole : refuted, { n, size: (signedSize ?? 0).toLocaleString(locale) })}
            </Mark>
          </p>
          <p>
            <SignatureMark signature={signature} />
          </p>
        </>
      )}
      {gaps.length === 0 ? (
        <p>
          <Mark tone="good">{t(T.noGaps)}</Mark>
        </p>
      ) : (
        <ul className="plain">
          {gaps.map(({ source, from, to }) => (
            <li key={`${source} ${String(from)}`}>
              <Mark tone="warn">
                <DataText value={t(T.gaps, { source, from, to })} />
              </Mark>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
