import { z } from 'zod';

/** One thing that the page can ask for: its document is fixed here, the page sends variables alone. */
export interface Operation {
  readonly document: string;
  readonly variables: z.ZodType<Readonly<Record<string, unknown>>>;
  /** Whether it runs with a signed-in user's rights only, and never with the BFF's own. */
  readonly needsUser: boolean;
}

const LEAD_ID = z.string().min(1).max(64);

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  [
    'whoami',
    {
      document: 'query Whoami { whoami { subject kind roles actors } }',
      variables: z.strictObject({}),
      needsUser: false,
    },
  ],
  [
    'leads',
    {
      document: `query Leads($first: Int!) {
        leads(first: $first) { id company score status campaign { name } contact { name email } }
      }`,
      variables: z.strictObject({ first: z.number().int().min(1).max(100).default(20) }),
      needsUser: false,
    },
  ],
  [
    'advance-lead',
    {
      document: `mutation AdvanceLead($id: ID!, $to: LeadStatus!, $idempotencyKey: ID!) {
        advanceLead(id: $id, to: $to, idempotencyKey: $idempotencyKey) { id status changedAt }
      }`,
      variables: z.strictObject({
        id: LEAD_ID,
        to: z.enum(['NEW', 'CONTACTED', 'QUALIFIED', 'LOST']),
        idempotencyKey: z.string().min(8).max(64),
      }),
      needsUser: true,
    },
  ],
]);
