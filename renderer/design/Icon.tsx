/** Line icons on a grid of 24, drawn for this window. */
import type { ReactElement } from 'react';

const paths = {
  library: 'M4 5h4v14H4zM10 5h4v14h-4zM16.2 5.8l3.6-.8 2.6 13.6-3.6.8z',
  review: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.3 15.3 21 21M7.5 10.5h6M10.5 7.5v6',
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.3 15.3 21 21',
  folder: 'M3 6.5h6l2 2.5h10V19H3z',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  import: 'M12 3v12M7.5 10.5 12 15l4.5-4.5M4 20h16',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5 10 17.5 19.5 7',
  warning: 'M12 4 2.8 20h18.4zM12 10v5M12 17.4v.3',
  help: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9.4 9.4a2.7 2.7 0 1 1 3.7 2.6c-.8.4-1.1.9-1.1 1.8M12 16.8v.3',
  trash: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  stop: 'M7 7h10v10H7z',
  send: 'M5 12h13M12.5 6l6 6-6 6',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  contrast: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 3v18M12 7l6-1.5M12 11h9M12 15h8.3',
  invert: 'M4 4h16v16H4zM4 20 20 4',
  reset: 'M5 5v5h5M5.6 10a7.5 7.5 0 1 1-.8 4.5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  slice: 'M3 16l9 4 9-4M3 12l9 4 9-4M3 8l9-4 9 4-9 4z',
  shield: 'M12 3l8 3v6c0 5-3.5 7.8-8 9-4.5-1.2-8-4-8-9V6z',
  keyboard: 'M3 6h18v12H3zM7 10h.1M11 10h.1M15 10h.1M18 10h.1M7 14h10',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactElement {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.7} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
