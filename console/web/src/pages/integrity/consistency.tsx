import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useMemo, useState } from 'react';
import { askGateway } from '../../graphql/ask-gateway.ts';
import { CONSISTENCY } from '../../graphql/documents.ts';
import { CodedError } from '../../platform/failures.ts';
import type { ConsistencyData } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { SignatureMark } from '../../parts/event-verdict.tsx';
import { Field } from '../../parts/form.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Failure, Loading } from '../../parts/states.tsx';
import { keepSetting, readSetting } from '../../platform/kept-setting.ts';
import { parseCheckpoint } from '../../verification/note.ts';
import { type GrowthVerdict, verifyGrowth } from '../../verification/verify-growth.ts';

const T = {
  since: text('Since this browser looked last', 'Desde que este navegador miró por última vez'),
  first: text(
    'This browser keeps this checkpoint, and compares it with what the log is at your next visit.',
    'Este navegador guarda este punto de control y lo comparará con el registro en su próxima visita.',
  ),
  grown: text(
    'Verified in this browser: from {from} to {to} entries it only grew; nothing of before was changed',
    'Comprobado en este navegador: de {from} a {to} entradas solo creció; nada de lo anterior cambió',
  ),
  changed: text(
    'The log of {to} entries does NOT continue the one of {from} entries: what was there was changed',
    'El registro de {to} entradas NO continúa el de {from} entradas: lo que había cambió',
  ),
  compare: text('Compare two sizes', 'Comparar dos tamaños'),
  from: text('From', 'Desde'),
  to: text('To', 'Hasta'),
  verify: text('Verify', 'Comprobar'),
};

interface ConsistencyProps {
  readonly size: string;
  readonly note: string;
  readonly vkey: string;
}

/** Consistency proofs: with what this browser saw at its last visit, and between any two sizes. */
export function Consistency({ size, note, vkey }: ConsistencyProps): ReactNode {
  const { t } = useLanguage();
  const remembered = useRememberedNote(note);
  const [from, setFrom] = useState('1');
  const [to, setTo] = useState(size);
  const [asked, setAsked] = useState<{ from: string; to: string }>();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked({ from, to });
  };
  return (
    <>
      <h3>{t(T.since)}</h3>
      {remembered === undefined ? (
        <p className="quiet">{t(T.first)}</p>
      ) : (
        <Growth
          older={remembered}
          from={String(parseCheckpoint(remembered)?.size ?? 0)}
          to={size}
          vkey={vkey}
        />
      )}
      <h3>{t(T.compare)}</h3>
      <form className="form" onSubmit={submit}>
        <Field label={t(T.from)} type="number" value={from} onChange={setFrom} isRequired />
        <Field label={t(T.to)} type="number" value={to} onChange={setTo} isRequired />
        <div className="buttons">
          <button type="submit">{t(T.verify)}</button>
        </div>
      </form>
      {asked !== undefined && <Growth from={asked.from} to={asked.to} vkey={vkey} />}
    </>
  );
}

interface GrowthProps {
  readonly from: string;
  readonly to: string;
  readonly vkey: string;
  /** The older note as this browser kept it: the server's is not believed. */
  readonly older?: string;
}

function Growth({ from, to, vkey, older }: GrowthProps): ReactNode {
  const { t, locale } = useLanguage();
  const { data: verdict, error } = useQuery({
    queryKey: ['growth', from, to, vkey, older],
    staleTime: Infinity,
    queryFn: () => fetchGrowth({ from, to, vkey, ...(older === undefined ? {} : { older }) }),
  });
  if (verdict === undefined) return error === null ? <Loading /> : <Failure error={error} />;
  const values = { from: verdict.from.toLocaleString(locale), to: verdict.to.toLocaleString(locale) };
  return (
    <div data-growth={verdict.hasOnlyGrown ? 'verified' : 'refuted'} role="status">
      <p>
        <Mark tone={verdict.hasOnlyGrown ? 'good' : 'bad'}>
          {t(verdict.hasOnlyGrown ? T.grown : T.changed, values)}
        </Mark>
      </p>
      <p>
        <SignatureMark signature={verdict.signature} />
      </p>
    </div>
  );
}

async function fetchGrowth({ from, to, vkey, older }: GrowthProps): Promise<GrowthVerdict> {
  const { data, problems } = await askGateway<ConsistencyData>(CONSISTENCY, { from, to });
  const [code] = Object.values(problems);
  if (data.older == null || data.newer == null || data.auditConsistencyProof == null)
    throw new CodedError(code ?? 'NOT_FOUND', '');
  const verdict = await verifyGrowth({
    olderNote: older ?? data.older.note,
    newerNote: data.newer.note,
    hashes: data.auditConsistencyProof.hashes,
    vkey,
  });
  if (verdict === undefined) throw new CodedError('NO_CHECKPOINT', '');
  return verdict;
}

/** The checkpoint of the last visit; the one of this visit takes its place. */
function useRememberedNote(note: string): string | undefined {
  return useMemo(() => {
    const origin = parseCheckpoint(note)?.origin ?? '';
    const before = readSetting(`checkpoint.${origin}`);
    keepSetting(`checkpoint.${origin}`, note);
    return before === undefined || parseCheckpoint(before) === undefined ? undefined : before;
    // What the browser had when the page opened: later notes of this visit change nothing.
  }, []);
}
