const SEGMENT = String.raw`[!#-)+-9;-\[\]-~]+`;
const PERMISSION = new RegExp(`^${SEGMENT}(:${SEGMENT})*$`);
const PATTERN = new RegExp(String.raw`^(?:(?:${SEGMENT}|\*)(?::(?:${SEGMENT}|\*))*(?::\*\*)?|\*\*)$`);

/** Whether the text is a concrete permission: an OAuth scope (RFC 6749 section 3.3) of segments between colons. */
export function isPermission(text: string): boolean {
  return PERMISSION.test(text);
}

/** Whether the text is a permission whose segments may be `*`, and whose last may be `**`. */
export function isPermissionPattern(text: string): boolean {
  return PATTERN.test(text);
}

/** `*` stands for one segment, `**` at the end for one or more. */
export function permissionMatches(pattern: string, permission: string): boolean {
  return segmentsMatch(pattern.split(':'), permission.split(':'));
}

/** As `permissionMatches`, over segments that are split already. */
export function segmentsMatch(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '**';
  const fixed = open ? pattern.length - 1 : pattern.length;
  if (open ? segments.length <= fixed : segments.length !== fixed) return false;
  for (let index = 0; index < fixed; index += 1)
    if (pattern[index] !== '*' && pattern[index] !== segments[index]) return false;
  return true;
}

/** Whether every permission that `narrow` matches is matched by `broad` as well. */
export function patternCovers(broad: string, narrow: string): boolean {
  const wanted = broad.split(':');
  const given = narrow.split(':');
  const open = wanted.at(-1) === '**';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? given.length <= fixed.length : given.length !== fixed.length || given.at(-1) === '**')
    return false;
  return fixed.every(
    (segment, index) => segment === given[index] || (segment === '*' && given[index] !== '**'),
  );
}
