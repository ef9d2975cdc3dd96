/** The key that does what a button does, as it is set just now; nothing where no key does it. */
import type { ReactElement } from 'react';
import { useHint } from './keymap.ts';

export function KeyHint({ of: name, usually }: { readonly of: string; readonly usually: string }): ReactElement | null {
  const hint = useHint(name, usually);
  return hint === '' ? null : <kbd>{hint}</kbd>;
}
