import { type ReactNode, useMemo } from 'react';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { keepSetting, readSetting } from '../platform/kept-setting.ts';
import { toHex } from '../verification/bytes.ts';
import type { EventEvidence, EventVerdict } from '../verification/verify-event.ts';
import { CopyText, DataText } from './data-text.tsx';
import { Mark, type Tone } from './mark.tsx';
import { Facts } from './page.tsx';
import { ProofTree } from './proof-tree.tsx';

const T = {
  included: text(
    'Verified in this browser: the event is entry {seq} of a log of {size} entries',
    'Comprobado en este navegador: el evento es la entrada {seq} de un registro de {size} entradas',
  ),
  notIncluded: text(
    'The proof does NOT lead to the root that was signed',
    'La prueba NO lleva a la raíz firmada',
  ),
  valid: text('The checkpoint’s signature is valid', 'La firma del punto de control es válida'),
  invalid: text('The checkpoint’s signature is NOT valid', 'La firma del punto de control NO es válida'),
  unsigned: text(
    'The checkpoint is not signed by this key',
    'El punto de control no está firmado por esta clave',
  ),
  unsupported: text(
    'This browser cannot verify Ed25519 signatures; the hashes were verified',
    'Este navegador no puede comprobar firmas Ed25519; los resúmenes sí se comprobaron',
  ),
  unknown_key: text(
    'There is no key to verify the signature with',
    'No hay clave con la que comprobar la firma',
  ),
  key: text('Key of the log', 'Clave del registro'),
  root: text('Signed root', 'Raíz firmada'),
  leaf: text('Hash of the event', 'Resumen del evento'),
  sameKey: text('the key that this browser has seen before', 'la clave que este navegador ya conocía'),
  newKey: text(
    'this browser sees this key for the first time',
    'este navegador ve esta clave por primera vez',
  ),
  otherKey: text(
    'NOT the key that this browser has seen before',
    'NO es la clave que este navegador ya conocía',
  ),
};

const SIGNATURE_TONES: Readonly<Record<EventVerdict['signature'], Tone>> = {
  valid: 'good',
  invalid: 'bad',
  unsigned: 'bad',
  unsupported: 'warn',
  unknown_key: 'warn',
};

export function SignatureMark({ signature }: { readonly signature: EventVerdict['signature'] }): ReactNode {
  const { t } = useLanguage();
  return <Mark tone={SIGNATURE_TONES[signature]}>{t(T[signature])}</Mark>;
}

interface EventVerdictProps {
  readonly evidence: EventEvidence;
  readonly verdict: EventVerdict;
}

/** What was verified, in words, and the proof drawn as a tree. */
export function EventVerdictView({ evidence, verdict }: EventVerdictProps): ReactNode {
  const { t, locale } = useLanguage();
  const values = { seq: evidence.seq.toLocaleString(locale), size: evidence.size.toLocaleString(locale) };
  const { isIncluded, signature, checkpoint } = verdict;
  return (
    <div
      data-proof={isIncluded && signature !== 'invalid' && signature !== 'unsigned' ? 'verified' : 'refuted'}
    >
      <p>
        <Mark tone={isIncluded ? 'good' : 'bad'}>{t(isIncluded ? T.included : T.notIncluded, values)}</Mark>
      </p>
      <p>
        <SignatureMark signature={signature} />
      </p>
      <ProofTree index={evidence.seq} size={evidence.size} verdict={verdict} />
      <Facts
        facts={[
          [t(T.leaf), <CopyText key="leaf" value={toHex(verdict.leaf)} what="SHA-256" />],
          [
            t(T.root),
            <CopyText
              key="root"
              value={checkpoint === undefined ? null : toHex(checkpoint.root)}
              what="SHA-256"
            />,
          ],
          [
            t(T.key),
            <>
              <DataText value={evidence.vkey} isCode /> <KnownKey vkey={evidence.vkey} />
            </>,
          ],
        ]}
      />
    </div>
  );
}

/** A log that is swapped for another comes with another key: the browser remembers the one it saw first. */
export function KnownKey({ vkey }: { readonly vkey: string }): ReactNode {
  const { t } = useLanguage();
  const known = useMemo(() => {
    const [origin = ''] = vkey.split('+');
    const before = readSetting(`vkey.${origin}`);
    if (before === undefined && vkey !== '') keepSetting(`vkey.${origin}`, vkey);
    return before;
  }, [vkey]);
  if (vkey === '') return null;
  if (known === undefined) return <span className="quiet">({t(T.newKey)})</span>;
  return known === vkey ? (
    <span className="quiet">({t(T.sameKey)})</span>
  ) : (
    <Mark tone="bad">{t(T.otherKey)}</Mark>
  );
}
