/** A shortcut as it stands on the keyboard. */
import type { ReactElement } from 'react';

export function Keys({ keys }: { readonly keys: readonly string[] }): ReactElement {
  return <span>{keys.map((key, at) => <span key={key}>{at > 0 && ' '}<kbd>{key}</kbd></span>)}</span>;
}
