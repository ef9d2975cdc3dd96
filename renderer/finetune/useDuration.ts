/** A time in the words of the window: `1 h 5 min`, `3 min 20 s`. */
import { useText } from '#renderer/workstation/text.ts';
import { durationOf } from './state.ts';

export function useDuration(): (seconds: number) => string {
  const t = useText();
  return (seconds) => {
    const parts = durationOf(seconds);
    return t(parts.hours > 0 ? 'finetune.hours' : parts.minutes > 0 ? 'finetune.minutes' : 'finetune.seconds', parts);
  };
}
