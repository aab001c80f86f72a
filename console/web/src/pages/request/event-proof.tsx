import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { PROOF } from '../../graphql/documents.ts';
import type { ProofData, RequestData } from '../../graphql/shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { EventVerdictView } from '../../parts/event-verdict.tsx';
import { Away, Failure, Loading } from '../../parts/states.tsx';
import { type EventEvidence, verifyEvent } from '../../verification/verify-event.ts';

/** A new event is under a checkpoint within about a second. */
const UNSIGNED_MS = 1500;
const T = {
  unsigned: text(
    'The event is not under a signed checkpoint yet; asking again.',
    'El evento aún no está bajo un punto de control firmado; se vuelve a preguntar.',
  ),
  download: text('Download the proof', 'Descargar la prueba'),
};

type RecordedNode = NonNullable<RequestData['auditEvent']>;

/** Asks for the inclusion proof of an event, and verifies it here. */
export function EventProof({ event }: { readonly event: RecordedNode }): ReactNode {
  const { t } = useLanguage();
  const first = useGraph<ProofData>(PROOF, { seq: event.seq });
  const isUnsigned =
    first.data !== undefined && first.data.auditInclusionProof == null && first.away.length === 0;
  // Asked again while there is nothing to show, and never once there is.
  const again = useGraph<ProofData>(
    PROOF,
    { seq: event.seq },
    isUnsigned ? { everyMilliseconds: UNSIGNED_MS } : {},
  );
  const evidence = evidenceOf(event, again.data);
  return (
    <>
      <Away parts={again.away} />
      <Failure error={again.error} />
      {again.isLoading && again.away.length === 0 && <Loading />}
      {isUnsigned && <p role="status">{t(T.unsigned)}</p>}
      {evidence !== undefined && <VerifiedEvidence evidence={evidence} />}
    </>
  );
}

/** The verdict of this browser about the evidence, with a file that anybody can verify again. */
export function VerifiedEvidence({ evidence }: { readonly evidence: EventEvidence }): ReactNode {
  const { t } = useLanguage();
  const { data: verdict, error } = useQuery({
    queryKey: ['verdict', evidence],
    queryFn: () => verifyEvent(evidence),
    staleTime: Infinity,
  });
  if (verdict === undefined) return error === null ? <Loading /> : <Failure error={error} />;
  const save = (): void => {
    const url = URL.createObjectURL(
      new Blob([JSON.stringify(evidence, null, 2)], { type: 'application/json' }),
    );
    const link = document.createElement('a');
    link.href = url;
    link.download = `proof-${String(evidence.seq)}.json`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <EventVerdictView evidence={evidence} verdict={verdict} />
      <p>
        <button type="button" onClick={save}>
          {t(T.download)}
        </button>
      </p>
    </>
  );
}

function evidenceOf(event: RecordedNode, data: Partial<ProofData> | undefined): EventEvidence | undefined {
  const proof = data?.auditInclusionProof;
  if (proof == null) return undefined;
  return {
    canonical: event.canonical,
    seq: Number(proof.seq),
    size: Number(proof.size),
    hashes: proof.hashes,
    note: proof.checkpoint.note,
    vkey: data?.auditIntegrity?.vkey ?? '',
  };
}
