import { expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';

const limits = createDocumentLimits(loadConfig(GATEWAY_SETTINGS, {}));
const check = (document: string) => () => {
  limits.checkDocument(parse(document));
};
const tooMany: unknown = expect.objectContaining({ code: 'LIMIT_ALIASES_EXCEEDED', status: 400 });

test('a long alias, which the answer repeats for each element of each list, is refused', () => {
  expect(check(`{ leads { ${'a'.repeat(900_000)}: company } }`)).toThrow(tooMany);
  expect(check(`{ ${'a'.repeat(900_000)}: leads { company } }`)).toThrow(tooMany);
  expect(check(`{ leads { ...F } } fragment F on Lead { ${'a'.repeat(900_000)}: company }`)).toThrow(tooMany);
});

test('aliases that are long together are refused, and thirty of usual length are not', () => {
  const aliased = (count: number, length: number): string =>
    Array.from({ length: count }, (_, n) => `${String(n).padStart(length, 'a')}: company`).join(' ');
  expect(check(`{ leads { ${aliased(16, 200)} } }`)).toThrow(tooMany);
  expect(check(`{ leads { ${aliased(30, 128)} } }`)).not.toThrow();
});
