/** The report exactly as its HTML leaves: drawn by the workstation after each change, shown in a frame that runs nothing. */
import { useEffect, useRef, type ReactElement } from 'react';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { reports } from './report.ts';
import { previewKey } from './state.ts';

export function PreviewPane(): ReactElement {
  const t = useText();
  const preview = useStore(reports, (state) => state.preview);
  const fault = useStore(reports, (state) => state.previewFault);
  const isBehind = useStore(reports, ({ report, preview: shown, isTyping }) => isTyping || (report !== null && shown?.of !== previewKey(report)));
  const frame = useRef<HTMLIFrameElement>(null);
  const scrolled = useRef(0);
  useEffect(() => {
    const element = frame.current;
    if (!element || !preview) return;
    // The new page is put where the old one was left.
    scrolled.current = element.contentDocument?.scrollingElement?.scrollTop ?? scrolled.current;
    element.srcdoc = preview.html;
  }, [preview]);
  return (
    <section className="report-preview" aria-label={t('report.preview')} aria-busy={isBehind}>
      <header><h2>{t('report.preview')}</h2><span className="grow" /><small role="status">{fault ? '' : t(isBehind ? 'report.drawing' : 'report.asItLeaves')}</small></header>
      {fault && <p role="alert" className="report-trouble"><strong>{fault.what}</strong> {fault.why} {fault.mend}</p>}
      {/* No scripts: the page reads its scroll position and nothing more. */}
      <iframe ref={frame} sandbox="allow-same-origin" title={t('report.preview')} data-ready={preview ? '' : undefined} onLoad={({ currentTarget: { contentDocument } }) => {
        if (contentDocument?.scrollingElement) contentDocument.scrollingElement.scrollTop = scrolled.current;
        // Keys go on to the screen while somebody reads here.
        contentDocument?.addEventListener('keydown', (event) => {
          if (!window.dispatchEvent(new KeyboardEvent('keydown', { ...keyOf(event), bubbles: true, cancelable: true }))) event.preventDefault();
        });
      }} />
    </section>
  );
}

const keyOf = ({ key, code, ctrlKey, metaKey, altKey, shiftKey, repeat }: KeyboardEvent): KeyboardEventInit => ({ key, code, ctrlKey, metaKey, altKey, shiftKey, repeat });
