/** The page's tables without a browser: rows of actions and texts are data, but what they belong to reaches for the window as it is loaded. */
import type { Action } from '#renderer/workstation/action.ts';
import type { Strings } from '#renderer/workstation/text.ts';

function standIn(): void {
  const element = (): object => new Proxy(() => undefined, { get: (_, name) => (name === Symbol.toPrimitive ? () => '' : name === 'length' ? 0 : element()), apply: () => element(), construct: () => element() });
  const globals = globalThis as Record<string, unknown>;
  globals['window'] ??= Object.assign(globalThis, { addEventListener: () => undefined, location: { search: '', origin: 'http://localhost' } });
  globals['document'] ??= element();
  globals['EventSource'] ??= class { addEventListener(): void { /* nobody tells anything here */ } };
}

export async function rowsOfActions(): Promise<readonly Action[]> {
  standIn();
  return (await import('#renderer/actions.ts')).actions;
}

/** All that the page can say, in English. */
export async function englishStrings(): Promise<Strings> {
  standIn();
  return (await import('#renderer/strings.ts')).english;
}
