import { SecurityError } from '@aduana/core/errors/security-error';
import type { Campaign, Lead, LeadBook } from './lead-book.ts';
import type { LeadStatus } from './step-channel.ts';

interface Reference {
  readonly id: string;
}

const MOST_AT_ONCE = 100;

/** Resolvers know nothing of rights: the guard has refused what the caller may not see before one of them runs. */
export function createResolvers(book: LeadBook) {
  return {
    Query: {
      leads: (_: unknown, { status, first }: { status?: LeadStatus | null; first: number }) => {
        if (first < 1 || first > MOST_AT_ONCE) throw new SecurityError('BAD_REQUEST');
        return book.leads({ status }).slice(0, first);
      },
      lead: (_: unknown, { id }: Reference) => book.lead(id),
      campaigns: () => book.campaigns(),
    },
    Mutation: {
      advanceLead: (_: unknown, step: { id: string; to: LeadStatus; idempotencyKey: string }) =>
        book.advance(step.id, step.to, step.idempotencyKey),
    },
    Subscription: {
      leadChanged: {
        subscribe: (_: unknown, { id }: { id?: string | null }) => book.changes(id ?? undefined),
        resolve: (lead: Lead) => lead,
      },
    },
    Lead: {
      __resolveReference: ({ id }: Reference) => book.lead(id),
      changedAt: ({ changedAt }: Lead) => new Date(changedAt).toISOString(),
      campaign: ({ campaignId }: Lead) => book.campaign(campaignId),
      owner: ({ ownerId }: Lead): Reference => ({ id: ownerId }),
    },
    Campaign: {
      __resolveReference: ({ id }: Reference) => book.campaign(id),
      leads: ({ id }: Campaign) => book.leads({ campaignId: id }),
    },
    ServiceIdentity: {
      __resolveReference: ({ id }: Reference): Reference => ({ id }),
      leads: ({ id }: Reference) => book.leads({ ownerId: id }),
    },
  };
}
