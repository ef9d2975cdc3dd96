/** The table of actions without a browser: its rows are data, but what they belong to reaches for the window as it is loaded. */
import type { Action } from '#renderer/workstation/action.ts';

export async function rowsOfActions(): Promise<readonly Action[]> {
  const element = (): object => new Proxy(() => undefined, { get: (_, name) => (name === Symbol.toPrimitive ? () => '' : name === 'length' ? 0 : element()), apply: () => element(), construct: () => element() });
  const globals = globalThis as Record<string, unknown>;
  globals['window'] ??= Object.assign(globalThis, { addEventListener: () => undefined, location: { search: '', origin: 'http://localhost' } });
  globals['document'] ??= element();
  globals['EventSource'] ??= class { addEventListener(): void { /* nobody tells anything here */ } };
  return (await import('#renderer/actions.ts')).actions;
}
