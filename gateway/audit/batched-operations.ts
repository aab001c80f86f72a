import type { AuditOutcome } from '@aduana/client/audit/audit-event';
import { bounded, cut } from './bounded-detail.ts';

/** One operation of a batch, as the event of its request names it. */
export interface BatchedOperation {
  readonly operationName: string | undefined;
  readonly operationKind: string | undefined;
  readonly documentHash: string | undefined;
  readonly outcome: AuditOutcome;
  readonly code: string | undefined;
}

const OPERATIONS_KEPT = 100;
/** Of the operations together. */
const OPERATION_CHARACTERS = 16_000;

/** Names every operation of a batch; where there are too many for an event, mutations survive the cut. */
export function describeOperations(
  operations: readonly BatchedOperation[],
): Readonly<Record<string, unknown>> {
  if (operations.length === 0) return {};
  const inOrder = keptOf(operations);
  if (inOrder.length === operations.length) return { operations: inOrder };
  const isMutation = ({ operationKind }: BatchedOperation): boolean => operationKind === 'mutation';
  const others = operations.filter((one) => !isMutation(one));
  const kept = keptOf([...operations.filter(isMutation), ...others]);
  return { operations: kept, ...cut('more_operations', operations.length - kept.length) };
}

/** The first ones, for which an event has room. */
function keptOf(operations: readonly BatchedOperation[]): readonly object[] {
  const kept: object[] = [];
  let characters = 0;
  for (const one of operations) {
    const described = describeOperation(one);
    characters += JSON.stringify(described).length;
    if (kept.length === OPERATIONS_KEPT || characters > OPERATION_CHARACTERS) break;
    kept.push(described);
  }
  return kept;
}

function describeOperation({ operationName, operationKind, documentHash, outcome, code }: BatchedOperation) {
  return {
    operation_name: operationName === undefined ? null : bounded(operationName),
    operation_kind: operationKind ?? null,
    document_sha256: documentHash ?? null,
    outcome,
    ...(code === undefined ? {} : { code }),
  };
}

/** What became of a batch: that of all its operations, or that of the worst; some of its fields were refused where some were. */
export function outcomeOfAll(operations: readonly BatchedOperation[]): AuditOutcome {
  const outcomes = new Set(operations.map(({ outcome }) => outcome));
  const [only] = outcomes;
  if (outcomes.size === 1 && only !== undefined) return only;
  return outcomes.has('DENIED') || outcomes.has('PARTIAL') ? 'PARTIAL' : 'FAILED';
}
