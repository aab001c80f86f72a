import { z } from 'zod';
import { IAM_POLICIES, RULE_MEMBERS } from './iam-policies-shape.ts';
import { POLICY_TESTS } from './policy-test-shape.ts';
import { SERVICE_IDENTITIES } from './service-identities-shape.ts';
import { TRUSTED_ISSUERS } from './trusted-issuers-shape.ts';

const SHAPES: Readonly<Record<string, z.ZodType>> = {
  'iam_policies.schema.json': IAM_POLICIES,
  'policy_tests.schema.json': POLICY_TESTS,
  'service_identities.schema.json': SERVICE_IDENTITIES,
  'trusted_issuers.schema.json': TRUSTED_ISSUERS,
};

/** JSON Schemas (draft 2020-12) of the policy files by name, for editors. */
export function policyJsonSchemas(): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(SHAPES).map(([file, shape]) => [file, toJsonSchema(shape)]));
}

function toJsonSchema(shape: z.ZodType): object {
  return z.toJSONSchema(shape, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema !== RULE_MEMBERS) return; // a rule may be its pattern alone
      const members = { ...jsonSchema };
      for (const name of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, name);
      jsonSchema.anyOf = [{ type: 'string' }, members];
    },
  });
}
