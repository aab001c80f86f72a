/** What the database holds is not what was signed. */
export class ContradictionError extends Error {
  override readonly name = 'ContradictionError';
}

export function otherTree(size: number): ContradictionError {
  return new ContradictionError(
    `the tree of ${String(size)} entries is not the one that was signed; where the database was restored or failed over, see "A lost tail" in docs/audit-log.md (aduana audit recover)`,
  );
}
