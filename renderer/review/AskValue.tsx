/** Asks for what a drawing cannot know by itself: the text of an arrow, the true length of a calibration. */
import { useState, type ReactElement } from 'react';
import { change, drawings, drop, type Drawing } from '#renderer/viewports/drawings.ts';
import { useText } from '#renderer/workstation/text.ts';

export function AskValue({ drawing, onDone }: { readonly drawing: Drawing; readonly onDone: () => void }): ReactElement {
  const t = useText();
  const { annotation } = drawing;
  const isLength = annotation.kind === 'calibration';
  const [value, setValue] = useState(isLength ? '' : annotation.text);
  const millimetres = Number(value.replace(',', '.'));
  const isUsable = isLength ? Number.isFinite(millimetres) && millimetres > 0 && millimetres < 10_000 : true;
  return (
    <form
      className="ask-value" onSubmit={(event) => {
        event.preventDefault();
        const now = drawings.get().all.find((one) => one.annotation.id === annotation.id);
        if (!isUsable) return;
        if (now && (isLength || value !== now.annotation.text)) change(now, isLength ? { millimetres } : { text: value.trim().slice(0, 400) });
        onDone();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key !== 'Escape') return;
        // A calibration without its length says nothing.
        if (isLength && annotation.millimetres === null) drop(annotation.id);
        onDone();
      }}
    >
      <label>{t(isLength ? 'stage.askLength' : 'stage.askText')}<input autoFocus value={value} inputMode={isLength ? 'decimal' : 'text'} maxLength={400} aria-invalid={!isUsable && value !== ''} onChange={(event) => setValue(event.target.value)} /></label>
      <button className="button" data-primary="" disabled={!isUsable}>{t('stage.keep')}</button>
    </form>
  );
}
