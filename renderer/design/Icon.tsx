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
  up: 'M12 19V6M6.5 11.500 12 6l5.500 5.500',
  down: 'M12 5v13M6.500 12.500 12 18l5.500-5.500',
  report: 'M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6',
  sign: 'M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19zM13.500 7l3.500 3.500M12 20h8',
  export: 'M12 15V4M7.500 8.500 12 4l4.500 4.500M4 20h16',
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
  window: 'M12 4a8 8 0 1 1 0 16zM12 4a8 8 0 0 0 0 16',
  hand: 'M8 12V6.5a1.5 1.5 0 0 1 3 0V11M11 11V5a1.5 1.5 0 0 1 3 0v6M14 11V6.5a1.5 1.5 0 0 1 3 0V15c0 3.3-2 5.5-5.2 5.5-2.6 0-4-1.2-5.2-3.4L4.5 13.300c-.6-1.200 1-2.300 2-1.300L8 13.500',
  crosshair: 'M12 3v7M12 14v7M3 12h7M14 12h7',
  length: 'M4 17 17 4l3 3L7 20zM8 13l2 2M11 10l2 2M14 7l2 2',
  angle: 'M20 19H4L15 5M9.500 19a6 6 0 0 0-1.600-4.700',
  cobb: 'M4 8l16-4M4 16l16 4M12 6v12',
  bidirectional: 'M4 20 20 4M8 8l8 8',
  ellipse: 'M12 6c5 0 9 2.700 9 6s-4 6-9 6-9-2.700-9-6 4-6 9-6z',
  rectangle: 'M4 6h16v12H4z',
  freehand: 'M5 15c-3-5 2-11 7-9s8-1 8 4-4 9-8 9-5-1-7-4z',
  probe: 'M12 5v5M12 14v5M5 12h5M14 12h5M12 12h.1',
  arrow: 'M5 5l14 14M5 5h7M5 5v7',
  calibrate: 'M3 9h18v6H3zM7 9v3M11 9v4M15 9v3M19 9v4',
  one: 'M4 5h16v14H4z',
  two: 'M4 5h16v14H4zM12 5v14',
  four: 'M4 5h16v14H4zM12 5v14M4 12h16',
  planes: 'M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12 4 7.500',
  play: 'M8 5l11 7-11 7z',
  link: 'M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.600-5.600l-1.500 1.500M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.600 5.600l1.500-1.500',
  unlink: 'M5 12.500a4 4 0 0 0 5.600 5.600M19 11.500a4 4 0 0 0-5.600-5.600M4 4l16 16',
  undo: 'M8 5 4 9l4 4M4 9h9a6 6 0 0 1 0 12h-3',
  redo: 'M16 5l4 4-4 4M20 9h-9a6 6 0 0 0 0 12h3',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.1M4 12h.1M4 18h.1',
  train: 'M4 20V4M4 20h17M7 15l4-5 3 3 6-8',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  unlock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.800-1',
  settings: 'M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1M15 5v4M9 10v4M17 15v4',
  similar: 'M3 5h8v8H3zM13 11h8v8h-8zM14 4l5 3M5 20l5-3',
  models: 'M6 7h12v10H6zM9 4v3M12 4v3M15 4v3M9 17v3M12 17v3M15 17v3M10 10.5h4v3h-4z',
  prior: 'M12 4a8 8 0 1 1-7.500 5.200M4 4v5.500h5.500M12 8v4.500l3 2',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactElement {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.7} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
