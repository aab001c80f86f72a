import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { createLeadChanges } from './lead-changes.ts';
import { createOwnChannel, type LeadStatus } from './step-channel.ts';

export interface Lead {
  readonly id: string;
  readonly company: string;
  readonly score: number;
  readonly status: LeadStatus;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  readonly campaignId: string;
  /** The service that brought the lead in. */
  readonly ownerId: string;
  readonly contact: { readonly name: string; readonly email: string; readonly phone: string | null };
}

export interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly spentEuros: number;
}

export interface LeadFilter {
  readonly status?: LeadStatus | null | undefined;
  readonly campaignId?: string;
  readonly ownerId?: string;
}

/** The leads, in memory: a start forgets what the last run changed. */
export interface LeadBook {
  /** By descending score. */
  leads(filter: LeadFilter): readonly Lead[];
  lead(id: string): Lead | undefined;
  campaigns(): readonly Campaign[];
  campaign(id: string): Campaign | undefined;
  /**
   * Moves a lead on; the same key with the same step is done once.
   *
   * @throws SecurityError `NOT_FOUND`; `CONFLICT` when the key was used for another step; `NOT_READY` when the other
   * replicas cannot be reached
   */
  advance(id: string, to: LeadStatus, idempotencyKey: string): Promise<Lead>;
  /**
   * The leads that change from now on, at whichever replica; of one where `id` names it.
   *
   * @throws SecurityError `NOT_READY` while this replica does not receive the changes of others
   */
  changes(id: string | undefined): AsyncIterableIterator<Lead, void>;
  /** Ends those who follow: this replica stops. */
  close(): void;
}

const REMEMBERED_STEPS = 10_000;

export function createLeadBook(
  sample: { readonly leads: readonly Lead[]; readonly campaigns: readonly Campaign[] },
  clock: Clock,
  channel = createOwnChannel(),
): LeadBook {
  const leads = new Map(sample.leads.map((lead) => [lead.id, lead]));
  const campaigns = new Map(sample.campaigns.map((campaign) => [campaign.id, campaign]));
  const steps = createBoundedCache<string>(clock, REMEMBERED_STEPS);
  const changes = createLeadChanges<Lead>();
  channel.listen({
    onStep({ id, status, changedAt, idempotencyKey }) {
      const lead = leads.get(id);
      if (lead === undefined) return;
      const advanced = { ...lead, status, changedAt };
      leads.set(id, advanced);
      steps.set(idempotencyKey, `${id} ${status}`);
      changes.publish(advanced);
    },
    onGap: () => {
      changes.breakOff();
    },
  });
  return {
    leads: ({ status, campaignId, ownerId }) =>
      [...leads.values()]
        .filter((lead) => (status ?? lead.status) === lead.status)
        .filter((lead) => campaignId === undefined || lead.campaignId === campaignId)
        .filter((lead) => ownerId === undefined || lead.ownerId === ownerId)
        .sort((a, b) => b.score - a.score),
    lead: (id) => leads.get(id),
    campaigns: () => [...campaigns.values()],
    campaign: (id) => campaigns.get(id),
    async advance(id, to, idempotencyKey) {
      const lead = leads.get(id);
      if (lead === undefined) throw new SecurityError('NOT_FOUND');
      const step = `${id} ${to}`;
      const known = steps.get(idempotencyKey);
      if (known !== undefined && known !== step) throw new SecurityError('CONFLICT');
      if (known === step) return lead;
      await channel.publish({ id, status: to, changedAt: clock.now(), idempotencyKey });
      return leads.get(id) ?? lead;
    },
    changes(id) {
      if (!channel.isOpen) throw new SecurityError('NOT_READY', { detail: 'changes are not known' });
      return changes.follow(id);
    },
    close() {
      channel.close();
      changes.breakOff();
    },
  };
}
