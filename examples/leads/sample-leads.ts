import type { Campaign, Lead } from './lead-book.ts';

export const SAMPLE_CAMPAIGNS: readonly Campaign[] = [
  { id: 'campaign-1', name: 'Autumn fair in Zaragoza', channel: 'fair', spentEuros: 18_400 },
  { id: 'campaign-2', name: 'Customs compliance webinar', channel: 'webinar', spentEuros: 3_250 },
  { id: 'campaign-3', name: 'Partners in the port of Valencia', channel: 'referral', spentEuros: 0 },
];

const CONTACTED = Date.parse('2026-01-12T09:30:00Z');
const ARRIVED = Date.parse('2026-01-08T08:00:00Z');

/** Invented companies and people: the addresses end in `.example` (RFC 2606 section 2). */
export const SAMPLE_LEADS: readonly Lead[] = (
  [
    ['lead-1', 'Transportes Ebro', 91, 'NEW', 'campaign-1', 'bff', 'Lucía Serrano', 'lucia.serrano@ebro.example', '+34 976 555 010'],
    ['lead-2', 'Hansa Spedition', 84, 'NEW', 'campaign-1', 'bff', 'Jonas Petersen', 'j.petersen@hansa.example', '+49 40 555 0120'],
    ['lead-3', 'Levante Cítricos', 78, 'CONTACTED', 'campaign-3', 'bff', 'Vicent Ferrer', 'vferrer@levante.example', null],
    ['lead-4', 'Atlas Maritime', 73, 'NEW', 'campaign-2', 'actuator', 'Amina Idrissi', 'a.idrissi@atlas.example', '+212 522 555 044'],
    ['lead-5', 'Nordlys Import', 66, 'QUALIFIED', 'campaign-2', 'bff', 'Ingrid Dahl', 'ingrid@nordlys.example', '+47 22 55 50 31'],
    ['lead-6', 'Maison Garonne', 58, 'NEW', 'campaign-1', 'actuator', 'Paul Lasserre', 'paul@garonne.example', null],
    ['lead-7', 'Adriatica Logistica', 52, 'CONTACTED', 'campaign-2', 'bff', 'Chiara Moretti', 'cmoretti@adriatica.example', '+39 040 555 0177'],
    ['lead-8', 'Porto Velho Trading', 41, 'NEW', 'campaign-3', 'actuator', 'Rui Tavares', 'rui@portovelho.example', '+351 22 555 0188'],
    ['lead-9', 'Baltic Timber', 33, 'LOST', 'campaign-2', 'bff', 'Katrin Tamm', 'katrin.tamm@baltic.example', null],
    ['lead-10', 'Sahara Textiles', 27, 'NEW', 'campaign-1', 'bff', 'Yusuf Benali', 'y.benali@sahara.example', '+213 21 555 099'],
  ] as const
).map(([id, company, score, status, campaignId, ownerId, name, email, phone]) => ({
  id, company, score, status, campaignId, ownerId,
  changedAt: status === 'NEW' ? ARRIVED : CONTACTED,
  contact: { name, email, phone },
})); // prettier-ignore
