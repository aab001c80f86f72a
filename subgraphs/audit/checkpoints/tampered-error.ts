/** What the database holds is not what was recorded, or not what was signed. */
export class TamperedError extends Error {
  override readonly name = 'TamperedError';
}
