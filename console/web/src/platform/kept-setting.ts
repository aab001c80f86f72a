/** What this browser keeps for itself: settings and public facts, never a credential. */
export function readSetting(name: string): string | undefined {
  try {
    return localStorage.getItem(`aduana.${name}`) ?? undefined;
  } catch {
    return undefined; // storage is switched off
  }
}

export function keepSetting(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`aduana.${name}`);
    else localStorage.setItem(`aduana.${name}`, value);
  } catch {
    // storage is switched off or full: the setting holds for this page alone
  }
}
