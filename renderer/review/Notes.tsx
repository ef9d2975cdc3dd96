/** What a reader should know about an answer or its pictures, said calmly where it belongs. */
import type { ReactElement } from 'react';
import type { Flag } from '#electron/contract/review.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useText } from '#renderer/workstation/text.ts';

/** What bears on whether to believe an answer; the rest are oddities of how it was written. */
export const isGrave = ({ code }: Flag): boolean => /^(?:laterality|scope|fact|image)\.|^box\.(?:large|tiny|duplicate|unplaced|outside)$/.test(code);

/** Flags of the reader of completions hold an excerpt alone: what it means is said here. */
export function useFlagText(): (flag: Flag) => string {
  const t = useText();
  return ({ code, detail }) => {
    const said = t(`review.flag.${code}`, { detail, defaultValue: detail });
    return said.charAt(0).toUpperCase() + said.slice(1);
  };
}

export function Notes({ flags }: { readonly flags: readonly Flag[] }): ReactElement | null {
  const textOf = useFlagText();
  if (flags.length === 0) return null;
  return (
    <ul className="grave">
      {flags.map((flag, at) => <li key={at} data-flag={flag.code}><Icon name="warning" size={13} /><span>{textOf(flag)}</span></li>)}
    </ul>
  );
}
