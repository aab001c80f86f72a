const RULES_PER_ROLE = 50;

/** So many allow and deny rules over roles, as a policy file and as plain objects, and questions about them. */
export function makeRules(size) {
  const rules = Array.from({ length: size }, (_, index) => {
    const role = `role${String(Math.floor(index / RULES_PER_ROLE))}`;
    const action = `area${String(index)}:record:read`;
    return { role, action, effect: index % 10 === 9 ? 'deny' : 'allow' };
  });
  const roles = Map.groupBy === undefined ? groupByRole(rules) : Map.groupBy(rules, ({ role }) => role);
  const lines = [...roles].flatMap(([role, own]) => [
    `  ${role}:`,
    '    permissions:',
    ...own.map(({ action, effect }) =>
      effect === 'deny' ? `      - { deny: ${action} }` : `      - ${action}`,
    ),
  ]);
  const questions = Array.from({ length: 500 }, (_, index) => {
    const { role, action } = rules[(index * 7) % rules.length];
    const other = rules[(index * 13) % rules.length];
    return { subject: 'someone', roles: [role], action: index % 4 === 3 ? other.action : action };
  });
  return { yaml: `version: 1\nroles:\n${lines.join('\n')}\n`, rules, questions };
}

function groupByRole(rules) {
  const roles = new Map();
  for (const rule of rules) roles.set(rule.role, [...(roles.get(rule.role) ?? []), rule]);
  return roles;
}
