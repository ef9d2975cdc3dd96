/** The row of tools above the images: what the left button does, how images hang, film, links, undo. */
import { type ReactElement } from 'react';
import { Icon, type IconName } from '#renderer/design/Icon.tsx';
import { drawings, type Tool } from '#renderer/viewports/drawings.ts';
import { history, redo, undo } from '#renderer/workstation/history.ts';
import { hintOf, keymap } from '#renderer/workstation/keymap.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { cine, toggleCine } from './cine.ts';
import { layouts, type LayoutName } from './hanging.ts';
import { review } from './review.ts';
import { bringPrior, layoutKeys, toolKeys } from './stageActions.ts';
import { currentSeries, placeOf, type ReviewState } from './state.ts';
import type { StudySummary } from '#electron/contract/library.ts';
import { earlierBy } from '#electron/contract/priors.ts';

const toolIcons: Readonly<Record<Tool, IconName>> = {
  window: 'contrast', pan: 'hand', zoom: 'search', crosshair: 'crosshair', length: 'length', bidirectional: 'bidirectional', angle: 'angle', cobb: 'cobb', rectangle: 'rectangle', ellipse: 'ellipse',
  freehand: 'freehand', probe: 'probe', arrow: 'arrow', calibration: 'calibrate',
};
const pointerTools: readonly Tool[] = ['window', 'pan', 'zoom'];
const drawingTools: readonly Tool[] = ['length', 'bidirectional', 'angle', 'cobb', 'rectangle', 'ellipse', 'freehand', 'probe', 'arrow', 'calibration'];
const layoutIcons: Readonly<Record<LayoutName, IconName>> = { '1x1': 'one', '1x2': 'two', '2x2': 'four', mpr: 'planes' };

interface StageBarProps {
  readonly state: ReviewState;
  readonly prior: StudySummary | null;
  readonly isListShown: boolean;
  readonly onList: () => void;
}

export function StageBar({ state, prior, isListShown, onList }: StageBarProps): ReactElement {
  const t = useText();
  const tool = useStore(drawings, (all) => all.tool);
  // Of this study: those of an earlier one beside it are listed there.
  const count = useStore(drawings, (all) => all.all.filter(({ annotation }) => state.detail && placeOf(state.detail, annotation.frameId)).length);
  const isRunning = useStore(cine, (all) => all.isRunning);
  const { past, future } = useStore(history, (all) => all);
  const series = currentSeries(state);
  const { hanging } = state;
  const isSlide = series?.slide != null;
  const isPlane = hanging.layout === 'mpr';
  const shownTools = isSlide ? ['pan' as const, ...drawingTools.filter((one) => one !== 'probe' && one !== 'calibration')] : [...pointerTools, ...(isPlane ? ['crosshair' as const] : []), ...drawingTools];
  const keys = useStore(keymap, (all) => all);
  const titled = (label: string, action: string, usually: string): string => (hintOf(action, usually, keys) === '' ? label : `${label} (${hintOf(action, usually, keys)})`);
  const button = (name: string, icon: IconName, label: string, action: string, usually: string, options: { readonly isPressed?: boolean; readonly isDisabled?: boolean; readonly onClick: () => void }): ReactElement => (
    <button key={name} className="icon-button" data-tool={name} aria-label={label} title={titled(label, action, usually)} aria-pressed={options.isPressed} disabled={options.isDisabled} onClick={options.onClick}><Icon name={icon} /></button>
  );
  return (
    // A tool chosen by the pointer leaves the keys with the image: Space resets it and does not press the button again.
    <div className="stage-bar" role="toolbar" aria-label={t('stage.tools')} onMouseDown={(event) => event.preventDefault()}>
      {shownTools.map((one) => button(one, toolIcons[one], t(`stage.tool.${one}`), `stage.${one}`, toolKeys[one] ?? '', { isPressed: tool === one || (isSlide && one === 'pan' && ['window', 'zoom', 'crosshair'].includes(tool)), onClick: () => drawings.dispatch({ type: 'tool', tool: one }) }))}
      <i className="gap" />
      {(Object.keys(layouts) as LayoutName[]).map((name) => button(name, layoutIcons[name], t(`stage.layouts.${name}`), `stage.layout${name}`, layoutKeys[name], {
        isPressed: hanging.layout === name, isDisabled: name === 'mpr' && (isSlide || (series?.frames.length ?? 0) < 3), onClick: () => review.dispatch({ type: 'hang', change: { type: 'layout', layout: name } }),
      }))}
      <i className="gap" />
      {button('cine', isRunning ? 'stop' : 'play', t(isRunning ? 'stage.pause' : 'stage.play'), 'stage.cine', 'C', { isPressed: isRunning, isDisabled: (series?.frames.length ?? 0) < 2 || isPlane, onClick: toggleCine })}
      {button('link', hanging.isLinked ? 'link' : 'unlink', t(hanging.isLinked ? 'stage.link' : 'stage.unlink'), 'stage.link', 'S', { isPressed: hanging.isLinked, isDisabled: hanging.cells.length < 2, onClick: () => review.dispatch({ type: 'hang', change: { type: 'link', isLinked: !hanging.isLinked } }) })}
      <i className="gap" />
      {button('undo', 'undo', t('stage.undo'), 'stage.undo', 'Mod+Z', { isDisabled: past.length === 0, onClick: undo })}
      {button('redo', 'redo', t('stage.redo'), 'stage.redo', 'Mod+Shift+Z', { isDisabled: future.length === 0, onClick: redo })}
      <button className="icon-button" aria-label={t('stage.list')} title={titled(t('stage.list'), 'stage.list', 'Shift+M')} aria-pressed={isListShown} onClick={onList}><Icon name="list" />{count > 0 && <sup className="number">{count}</sup>}</button>
      <span className="grow" />
      {prior?.date != null && state.detail?.study.date != null && (
        <button className="prior-offer" title={titled(t('stage.prior', { name: prior.description, when: earlierBy(state.detail.study.date, prior.date) }), 'stage.prior', 'P')} onClick={() => void bringPrior()}><Icon name="prior" size={14} />{t('stage.priorShort', { when: earlierBy(state.detail.study.date, prior.date) })}</button>
      )}
    </div>
  );
}
