/** A field whose words are kept while they are typed, and are one gesture to undo when the person leaves it. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { keepTyped, remember, reports, type Making } from './report.ts';

interface WordsProps {
  readonly id?: string;
  readonly value: string;
  readonly label: string;
  readonly placeholder?: string;
  /** One line, ended by Enter. */
  readonly isLine?: boolean;
  /** Nothing is no value: then what was there before comes back. */
  readonly isNeeded?: boolean;
  readonly maxLength?: number;
  readonly changeOf: (said: string) => Making;
}

/** Whoever pauses for so long has typed something worth keeping, milliseconds. */
const pause = 600;

export function Words({ id, value, label, placeholder, isLine = false, isNeeded = false, maxLength = 20_000, changeOf }: WordsProps): ReactElement {
  const [said, setSaid] = useState(value);
  /** The report that it is a field of, for good. */
  const [reportId] = useState(() => reports.get().report?.id);
  const field = useRef<HTMLTextAreaElement & HTMLInputElement>(null);
  const timer = useRef(0);
  /** What the workstation was last given, and the revisions that lie around what was typed since the field got the focus. */
  const kept = useRef(value);
  const span = useRef<{ readonly before: number; readonly after: number; readonly id: string } | null>(null);
  const latest = useRef({ said, changeOf });
  latest.current = { said, changeOf };

  useEffect(() => {
    if (document.activeElement === field.current) return;
    kept.current = value;
    setSaid(value);
  }, [value]);

  const keep = async (): Promise<void> => {
    clearTimeout(timer.current);
    const words = latest.current.said;
    if (words === kept.current || (isNeeded && words.trim() === '')) return reports.dispatch({ type: 'typing', isTyping: false });
    kept.current = words;
    const done = await keepTyped([latest.current.changeOf(words)], reportId);
    reports.dispatch({ type: 'typing', isTyping: false });
    if (done) span.current = { ...done, before: span.current?.before ?? done.before };
  };
  const leave = (): void => {
    void keep().then(() => {
      if (span.current) remember(span.current);
      span.current = null;
    });
    if (isNeeded && latest.current.said.trim() === '') setSaid(kept.current);
  };
  const leaving = useRef(leave);
  leaving.current = leave;
  useEffect(() => () => leaving.current(), []);

  const common = {
    id, ref: field, value: said, placeholder, maxLength, 'aria-label': label,
    onChange: (event: { readonly currentTarget: { readonly value: string } }) => {
      setSaid(event.currentTarget.value);
      reports.dispatch({ type: 'typing', isTyping: true });
      clearTimeout(timer.current);
      timer.current = window.setTimeout(() => void keep(), pause);
    },
    onBlur: leave,
    onKeyDown: (event: React.KeyboardEvent<HTMLElement>) => {
      if (event.key === 'Escape' || (isLine && event.key === 'Enter' && !event.ctrlKey && !event.metaKey && !event.nativeEvent.isComposing)) {
        event.stopPropagation();
        event.currentTarget.blur();
      }
    },
  };
  return isLine ? <input type="text" className="words" autoComplete="off" {...common} /> : <textarea className="words" rows={2} {...common} />;
}
