import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { CheckpointShape } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { CopyText, DataText } from '../../parts/data-text.tsx';
import { SignatureMark } from '../../parts/event-verdict.tsx';
import { DataTable, Facts } from '../../parts/page.tsx';
import { Loading } from '../../parts/states.tsx';
import { toHex } from '../../verification/bytes.ts';
import { parseCheckpoint, parseVerifierKey, signersOf, verifyNote } from '../../verification/note.ts';
import type { EventVerdict } from '../../verification/verify-event.ts';

const T = {
  origin: text('Log', 'Registro'),
  size: text('Entries', 'Entradas'),
  root: text('Root', 'Raíz'),
  signers: text('Signed by', 'Firmado por'),
  note: text('The signed note', 'La nota firmada'),
  earlier: text('Earlier checkpoints', 'Puntos de control anteriores'),
  verified: text('Signature', 'Firma'),
};

interface CheckpointProps {
  readonly note: string;
  readonly vkey: string;
}

function useSignature({ note, vkey }: CheckpointProps): EventVerdict['signature'] | undefined {
  const { data } = useQuery({
    queryKey: ['note', note, vkey],
    staleTime: Infinity,
    queryFn: async () => {
      const key = await parseVerifierKey(vkey);
      return key === undefined ? 'unknown_key' : await verifyNote(note, key);
    },
  });
  return data;
}

interface CheckpointsProps {
  /** The newest last. */
  readonly checkpoints: readonly CheckpointShape[];
  readonly vkey: string;
}

/** The checkpoints before the last, each verified in this browser. */
export function Checkpoints({ checkpoints, vkey }: CheckpointsProps): ReactNode {
  const { t, locale } = useLanguage();
  const rows = [...checkpoints]
    .reverse()
    .slice(1)
    .map(({ size, rootHash, note }) => ({
      key: note,
      cells: [
        Number(size).toLocaleString(locale),
        <CopyText key="root" value={rootHash} what="SHA-256" short={16} />,
        <NoteSignature key="signature" note={note} vkey={vkey} />,
      ],
    }));
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{t(T.earlier)}</summary>
      <DataTable label={t(T.earlier)} head={[t(T.size), t(T.root), t(T.verified)]} rows={rows} />
    </details>
  );
}

function NoteSignature(props: CheckpointProps): ReactNode {
  const signature = useSignature(props);
  return signature === undefined ? <Loading /> : <SignatureMark signature={signature} />;
}

/** A signed note, read and verified in this browser. */
export function Checkpoint({ note, vkey }: CheckpointProps): ReactNode {
  const { t, locale } = useLanguage();
  const signature = useSignature({ note, vkey });
  const checkpoint = parseCheckpoint(note);
  if (signature === undefined) return <Loading />;
  return (
    <>
      <p>
        <SignatureMark signature={signature} />
      </p>
      {checkpoint !== undefined && (
        <Facts
          facts={[
            [t(T.origin), <DataText key="origin" value={checkpoint.origin} />],
            [t(T.size), checkpoint.size.toLocaleString(locale)],
            [t(T.root), <CopyText key="root" value={toHex(checkpoint.root)} what="SHA-256" />],
            [t(T.signers), <DataText key="signers" value={signersOf(note).join(', ')} />],
          ]}
        />
      )}
      <details>
        <summary>{t(T.note)}</summary>
        <pre tabIndex={0}>
          <bdi>{note}</bdi>
        </pre>
      </details>
    </>
  );
}
