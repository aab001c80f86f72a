import { describe, expect, test } from '@jest/globals';
import { createLeadBook } from '../../../examples/leads/lead-book.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from '../../../examples/leads/sample-leads.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const START = Date.parse('2026-02-01T00:00:00Z');
const open = () =>
  createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, createFakeClock(START));

describe('the lead book', () => {
  test('lists by descending score and by what is asked for', () => {
    const book = open();
    const scores = book.leads({}).map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(book.leads({ status: 'LOST' }).map(({ id }) => id)).toEqual(['lead-9']);
    expect(book.leads({ campaignId: 'campaign-3' }).map(({ id }) => id)).toEqual(['lead-3', 'lead-8']);
    expect(book.leads({ ownerId: 'nobody' })).toEqual([]);
  });

  test('every sample lead has its campaign', () => {
    const book = open();
    for (const { campaignId } of SAMPLE_LEADS) expect(book.campaign(campaignId)).toBeDefined();
  });

  test('a step changes the lead and says when', async () => {
    const book = open();
    expect(await book.advance('lead-1', 'CONTACTED', 'k1')).toMatchObject({
      status: 'CONTACTED',
      changedAt: START,
    });
    expect(book.lead('lead-1')?.status).toBe('CONTACTED');
  });

  test('the same step with the same key is done once', async () => {
    const book = open();
    await book.advance('lead-1', 'CONTACTED', 'k1');
    await book.advance('lead-1', 'QUALIFIED', 'k2');
    expect((await book.advance('lead-1', 'CONTACTED', 'k1')).status).toBe('QUALIFIED');
  });

  test('a key that stands for another step is a conflict', async () => {
    const book = open();
    await book.advance('lead-1', 'CONTACTED', 'k1');
    await expect(book.advance('lead-2', 'CONTACTED', 'k1')).rejects.toMatchObject({
      code: 'CONFLICT',
      status: 409,
    });
    expect(book.lead('lead-2')?.status).toBe('NEW');
  });

  test('a lead that does not exist cannot be advanced', async () => {
    await expect(open().advance('lead-0', 'LOST', 'k1')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
    });
  });
});
