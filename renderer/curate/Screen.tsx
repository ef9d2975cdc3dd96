/** The dataset: the cases that judging made, what is among them, whether they are sound, and what they were before. */
import { useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import { labelKinds, splitNames, type CuratedCase, type LabelDefinition, type Waiting } from '#electron/contract/curate.ts';
import { codes } from '#models/clinical/codes.ts';
import { modalities } from '#models/clinical/study.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { check, curate, editCase, keepLabel, loadQueue, openCurate, release, removeCase, removeLabel, restore, select, split, takeSnapshot } from './curate.ts';
import './curate.css';
import { LabelEditor } from './LabelEditor.tsx';
import { balance, facets, isHeld, labelText, relabelled, shownCases, type CurateState, type QueueOrder } from './state.ts';

export function CurateScreen(): ReactElement {
  const t = useText();
  const state = useStore(curate, (all) => all);
  if (state.fault) return <FaultView fault={state.fault}><button className="button" onClick={() => void openCurate()}>{t('app.again')}</button></FaultView>;
  if (!state.isLoaded) return <Empty icon="library" title={t('curate.loading')} />;
  const selected = state.cases.find(({ id }) => id === state.selectedId);
  return (
    <div className="curate">
      <Sides state={state} />
      <section className="curate-main" aria-label={t('curate.title')}>
        <Tools state={state} />
        {state.check && <CheckLine state={state} />}
        {state.cases.length === 0 ? <Empty icon="check" title={t('curate.emptyTitle')} text={t('curate.emptyText')}><button className="button" onClick={() => goTo({ screen: 'library' })}>{t('review.toLibrary')}</button></Empty> : <CaseTable state={state} />}
        <footer className="curate-path"><span>{t('curate.index')}</span><code>{state.index}</code></footer>
      </section>
      {state.draft ? <DefinitionEditor key={state.draft.id} draft={state.draft} /> : selected ? <CaseDetail key={selected.id} one={selected} state={state} /> : <aside className="case-detail" aria-hidden="true" />}
    </div>
  );
}

const frameOf = ({ view }: Pick<CuratedCase, 'view'>): string => (view.kind === 'frame' ? view.frameId : `${view.slideId}-0`);

function Tools({ state: { cases, busy, isHeldOnly } }: { readonly state: CurateState }): ReactElement {
  const t = useText();
  const [shares, setShares] = useState('80, 10, 10');
  const held = cases.filter(isHeld).length;
  const patients = new Set(cases.map(({ group }) => group)).size;
  const parts = shares.split(/[\s,:/]+/).filter((part) => part !== '').map(Number);
  const isFit = parts.length === 3 && parts.every((part) => Number.isFinite(part) && part >= 0) && parts.some((part) => part > 0);
  return (
    <div className="curate-tools">
      <div className="case-figures number">
        <b>{formatNumber(cases.length)}</b> {t('curate.cases', { count: cases.length })}<span className="muted">{t('curate.patients', { count: patients })}</span>
        {held > 0 && <button className="chip" data-tone="warning" aria-pressed={isHeldOnly} title={t('curate.onlyHeld')} onClick={() => curate.dispatch({ type: 'heldOnly', isHeldOnly: !isHeldOnly })}>{t('curate.held', { count: held })}</button>}
      </div>
      <span className="grow" />
      <label className="shares"><span className="visually-hidden">{t('curate.shares')}</span><input type="text" value={shares} title={t('curate.shares')} aria-invalid={!isFit} onChange={(event) => setShares(event.target.value)} /></label>
      <button className="button" disabled={busy !== null || cases.length === 0 || !isFit} onClick={() => void split(parts as [number, number, number])}>{t('curate.split')}</button>
      <button className="button" disabled={busy !== null} onClick={() => void check()}><Icon name="shield" />{t(busy === 'check' ? 'curate.checking' : 'curate.check')} <KeyHint of="curate.check" usually="C" /></button>
      <button className="button" data-primary="" disabled={busy !== null || cases.length === held} onClick={() => void takeSnapshot()}><Icon name="import" />{t('curate.snapshot')}</button>
    </div>
  );
}

function CheckLine({ state: { check: result } }: { readonly state: CurateState }): ReactElement | null {
  const t = useText();
  if (!result) return null;
  const errors = result.issues.filter(({ severity }) => severity === 'error').length;
  return (
    <details className="check-line" data-tone={errors > 0 ? 'bad' : result.issues.length > 0 ? 'warning' : 'good'} open={errors > 0}>
      <summary role="status"><Icon name={errors > 0 ? 'warning' : 'check'} size={14} />{t('curate.checked', { written: result.written, cases: result.cases, errors, warnings: result.issues.length - errors })}</summary>
      <ul>
        {result.issues.length === 0 && <li>{t('curate.clean')}</li>}
        {result.issues.slice(0, 200).map(({ severity, code, id, message }, at) => <li key={at} data-severity={severity}><button className="text-button" onClick={() => select(id)}>{id}</button> <code>{code}</code> {message}</li>)}
      </ul>
    </details>
  );
}

function CaseTable({ state }: { readonly state: CurateState }): ReactElement {
  const t = useText();
  const shown = shownCases(state);
  const body = useRef<HTMLDivElement>(null);
  const { selectedId } = state;
  useEffect(() => {
    void document.getElementById(`case-${selectedId}`)?.scrollIntoView({ block: 'nearest' });
  }, [selectedId]);
  return (
    <div className="case-table" role="grid" aria-rowcount={shown.length + 1} aria-label={t('curate.title')}>
      <div className="case-columns case-head" role="row"><span role="columnheader" aria-label="" />{(['question', 'label', 'split', 'group', 'state'] as const).map((name) => <span key={name} role="columnheader">{t(`curate.columns.${name}`)}</span>)}</div>
      <div className="case-body" ref={body} role="rowgroup" tabIndex={0}>
        {shown.map((one) => (
          <div key={one.id} id={`case-${one.id}`} className="case-columns case-row" data-case={one.id} role="row" aria-selected={one.id === selectedId} onClick={() => select(one.id)} onDoubleClick={() => goTo({ screen: 'review', studyId: one.studyId })}>
            <span role="gridcell"><img src={thumbnailUrl(frameOf(one), 96)} alt="" loading="lazy" draggable={false} /></span>
            <span role="gridcell" className="case-question" title={one.question}>{one.question}<small>{t(`curate.kinds.${one.label.kind}`)} · {one.target} · {one.viewName}</small></span>
            <span role="gridcell" className="case-label">{labelText(one)}</span>
            <span role="gridcell"><span className="split" data-split={one.split}>{one.split}</span></span>
            <span role="gridcell" className="number muted">{one.group.slice(8, 14)}</span>
            <span role="gridcell">{isHeld(one) ? <span className="held">{t('curate.withheld')}</span> : <span className="ready">{t('curate.ready')}</span>}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function Sides({ state }: { readonly state: CurateState }): ReactElement {
  const t = useText();
  const { cases, filter, labels, snapshots, queue } = state;
  const groups = useMemo(() => facets.map((facet) => ({ facet, bars: balance(cases, facet) })).filter(({ bars }) => bars.length > 1 || (bars.length === 1 && bars[0]?.value !== '—')), [cases]);
  return (
    <aside className="curate-side" aria-label={t('curate.balance')}>
      <section>
        <h3>{t('curate.queue')}</h3>
        <div className="orders">{(['uncertain', 'disagreement', 'reliance', 'first', 'random'] as const satisfies readonly QueueOrder[]).map((order) => <button key={order} className="chip" aria-pressed={queue.order === order} onClick={() => void loadQueue(order)}>{t(`curate.orders.${order}`)}</button>)}</div>
        {queue.waiting.length === 0 ? <p className="muted">{t('curate.noQueue')}</p> : <ol className="queue">{queue.waiting.slice(0, 6).map((one) => <li key={one.traceId}><WaitingRow one={one} /></li>)}</ol>}
      </section>
      {groups.map(({ facet, bars }) => (
        <section key={facet}>
          <h3>{t(`curate.facet.${facet}`)}{filter?.facet === facet && <button className="text-button" onClick={() => curate.dispatch({ type: 'filter', filter: null })}>{t('curate.all')}</button>}</h3>
          {bars.slice(0, 8).map(({ value, count }) => (
            <button key={value} className="bar-row" data-facet={facet} aria-pressed={filter?.facet === facet && filter.value === value} onClick={() => curate.dispatch({ type: 'filter', filter: filter?.facet === facet && filter.value === value ? null : { facet, value } })}>
              <span className="bar-name">{facet === 'kind' ? t(`curate.kinds.${value}`) : facet === 'verdict' ? t(`judge.verdict.${value}`) : value}</span><span className="number">{count}</span><i style={{ width: `${(100 * count) / (bars[0]?.count ?? 1)}%` }} />
            </button>
          ))}
        </section>
      ))}
      <section>
        <h3>{t('curate.labels')}<button className="text-button" onClick={() => curate.dispatch({ type: 'draft', draft: newDefinition(labels) })}>{t('curate.newLabel')}</button></h3>
        {labels.length === 0 && <p className="muted">{t('curate.noLabels')}</p>}
        {labels.map((label) => <button key={label.id} className="label-row" onClick={() => curate.dispatch({ type: 'draft', draft: label })}><b>{label.name}</b><small>{t(`curate.kinds.${label.kind}`)}{label.options.length > 0 ? ` · ${label.options.join(', ')}` : ''}</small></button>)}
      </section>
      {snapshots.length > 0 && <section><h3>{t('curate.snapshots')}</h3>{snapshots.slice(0, 5).map(({ hash, cases: count, takenAt, path }) => <div key={hash} className="snapshot-row" title={path}><code>{hash.slice(0, 12)}</code><small className="number">{count} · {formatDate(takenAt.slice(0, 10))}</small></div>)}</section>}
    </aside>
  );
}

function WaitingRow({ one }: { readonly one: Waiting }): ReactElement {
  const t = useText();
  const order = useStore(curate, (state) => state.queue.order);
  const why = order === 'reliance' ? (one.reliance === null ? t('curate.unchecked') : t('curate.reliance', { percent: Math.round(100 * one.reliance) })) : one.disagreement > 0 ? t('curate.disagreement', { percent: Math.round(100 * one.disagreement) }) : one.confidence === null ? t('curate.unparsed') : t('curate.confidence', { percent: Math.round(100 * one.confidence) });
  return <button className="queue-row" onClick={() => goTo({ screen: 'review', studyId: one.studyId })}><span>{one.question}</span><small className="number">{why}</small></button>;
}

function newDefinition(labels: readonly LabelDefinition[]): LabelDefinition {
  let at = labels.length + 1;
  while (labels.some(({ id }) => id === `label_${at}`)) at++;
  return { id: `label_${at}`, name: '', kind: 'choice', question: '', options: [], tolerance: 0, unit: '', code: null };
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '');

function DefinitionEditor({ draft }: { readonly draft: LabelDefinition }): ReactElement {
  const t = useText();
  const [value, setValue] = useState(draft);
  const [options, setOptions] = useState(draft.options.join('\n'));
  const isKnown = useStore(curate, ({ labels }) => labels.some(({ id }) => id === draft.id));
  const whole: LabelDefinition = { ...value, options: lines(options) };
  const hasOptions = value.kind === 'choice' || value.kind === 'choices' || value.kind === 'ordinal' || value.kind === 'boxes' || value.kind === 'points';
  const isFit = whole.name.trim() !== '' && whole.question.trim() !== '' && (!(value.kind === 'choice' || value.kind === 'ordinal' || value.kind === 'choices') || whole.options.length > 1);
  return (
    <form className="case-detail" aria-label={t('curate.newLabel')} onSubmit={(event) => {
      event.preventDefault();
      void keepLabel(whole);
    }}>
      <div className="body">
        <h2>{value.name || t('curate.newLabel')}</h2>
        <label className="line">{t('curate.labelName')}<input autoFocus type="text" value={value.name} onChange={(event) => setValue({ ...value, name: event.target.value })} /></label>
        <label className="line">{t('curate.question')}<textarea rows={2} value={value.question} onChange={(event) => setValue({ ...value, question: event.target.value })} /></label>
        <label className="line">{t('curate.kind')}<select value={value.kind} onChange={(event) => setValue({ ...value, kind: event.target.value as LabelDefinition['kind'] })}>{labelKinds.map((kind) => <option key={kind} value={kind}>{t(`curate.kinds.${kind}`)}</option>)}</select></label>
        {hasOptions && <label className="line">{t(value.kind === 'ordinal' ? 'curate.scale' : 'curate.options')}<textarea rows={5} value={options} onChange={(event) => setOptions(event.target.value)} /></label>}
        {(value.kind === 'number' || value.kind === 'points') && <label className="line">{t('curate.tolerance')}<input type="number" min={0} step="any" value={value.tolerance} onChange={(event) => setValue({ ...value, tolerance: Math.max(0, Number(event.target.value) || 0) })} /></label>}
        <label className="line">{t('curate.code')}<input type="text" list="codes" defaultValue={value.code?.meaning ?? ''} placeholder={t('curate.noCode')} onChange={(event) => setValue({ ...value, code: codes.find(({ meaning }) => meaning === event.target.value) ?? null })} /><datalist id="codes">{codes.map((code) => <option key={code.value} value={code.meaning}>{`${code.scheme} ${code.value}`}</option>)}</datalist>{value.code && <code className="code">{value.code.scheme} {value.code.value}</code>}</label>
        {value.kind === 'number' && <label className="line">{t('curate.unit')}<input type="text" value={value.unit} onChange={(event) => setValue({ ...value, unit: event.target.value })} /></label>}
      </div>
      <div className="foot-buttons">
        <button type="submit" className="button" data-primary="" disabled={!isFit}>{t('curate.save')}</button>
        <button type="button" className="button" onClick={() => curate.dispatch({ type: 'draft', draft: null })}>{t('curate.cancel')}</button>
        <span className="grow" />
        {isKnown && <button type="button" className="icon-button" aria-label={t('curate.remove')} onClick={() => void removeLabel(draft).then((gone) => (gone ? curate.dispatch({ type: 'draft', draft: null }) : undefined))}><Icon name="trash" /></button>}
      </div>
    </form>
  );
}

function CaseDetail({ one, state: { labels, history } }: { readonly one: CuratedCase; readonly state: CurateState }): ReactElement {
  const t = useText();
  const [question, setQuestion] = useState(one.question);
  useEffect(() => setQuestion(one.question), [one.question]);
  const keepQuestion = (): void => {
    if (question.trim() !== '' && question.trim() !== one.question) void editCase(one, { question: question.trim() }, 'Question').then((isKept) => (isKept ? undefined : setQuestion(one.question)));
  };
  return (
    <aside className="case-detail" aria-label={one.question}>
      <CasePicture one={one} />
      <div className="body">
        {one.concerns.map(({ code, detail, isReleased }) => (
          <div key={code} className="concern" data-released={isReleased || undefined}><Icon name="warning" size={14} /><span>{detail}</span>{code !== 'modality' && <button className="text-button" onClick={() => release(one, code, !isReleased)}>{t(isReleased ? 'curate.released' : 'curate.release')}</button>}</div>
        ))}
        <label className="line">{t('curate.question')}<textarea id="case-question" rows={2} value={question} onChange={(event) => setQuestion(event.target.value)} onBlur={keepQuestion} onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Escape') setQuestion(one.question);
          if (event.key === 'Escape' || (event.key === 'Enter' && !event.shiftKey)) {
            event.preventDefault();
            event.currentTarget.blur();
          }
        }} /></label>
        <div className="pair">
          <label className="line">{t('curate.kind')}<select value={one.label.kind} onChange={(event) => void editCase(one, { label: relabelled(one.label, event.target.value as CuratedCase['label']['kind']), labelId: null }, 'Kind of label')}>{labelKinds.map((kind) => <option key={kind} value={kind}>{t(`curate.kinds.${kind}`)}</option>)}</select></label>
          <label className="line">{t('curate.definition')}<select value={one.labelId ?? ''} onChange={(event) => void editCase(one, { labelId: event.target.value || null }, 'Definition')}><option value="">{t('curate.free')}</option>{labels.filter(({ kind }) => kind === one.label.kind).map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></label>
        </div>
        <LabelEditor key={JSON.stringify(one.label)} label={one.label} onChange={(label) => void editCase(one, { label }, 'Label')} />
        <div className="pair">
          <label className="line">{t('curate.modality')}<select value={one.modality ?? ''} onChange={(event) => void editCase(one, { modality: event.target.value as NonNullable<CuratedCase['modality']> }, 'Modality')}>{one.modality === null && <option value="">{t('curate.none')}</option>}{modalities.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
          <label className="line">{t('curate.columns.split')}<select value={one.split} onChange={(event) => void editCase(one, { split: event.target.value as CuratedCase['split'] }, 'Split')}>{splitNames.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
        </div>
        {one.steps.length > 0 && <div className="line">{t('curate.reasoning')}<ul className="case-steps">{one.steps.map(({ kind, text }, at) => <li key={at}><b>{t(`review.kind.${kind}`)}</b> {text}</li>)}</ul></div>}
        {history.length > 0 && (
          <details className="case-history" open={history.length > 1}>
            <summary>{t('curate.history')} <span className="number">({history.length})</span></summary>
            <ol>{history.map((version, at) => (
              <li key={at}><span><b>{version.what}</b>{version.how === 'done' ? '' : ` · ${t(`curate.how.${version.how}`)}`}<small>{t('curate.version', { by: version.by, time: new Date(version.at).toLocaleString() })}</small></span>{at < history.length - 1 && version.item.value !== null && <button className="text-button" onClick={() => void restore(one, version.item)}>{t('curate.restore')}</button>}</li>
            )).reverse()}</ol>
          </details>
        )}
      </div>
      <div className="foot-buttons">
        <button className="button" data-primary="" style={{ flex: 1, justifyContent: 'center' }} onClick={() => goTo({ screen: 'review', studyId: one.studyId })}>{t('curate.open')} <KeyHint of="curate.open" usually="Enter" /></button>
        <button className="icon-button" aria-label={t('curate.remove')} title={`${t('curate.remove')} (X)`} onClick={() => void removeCase(one)}><Icon name="trash" /></button>
      </div>
    </aside>
  );
}

/** The image with its places, in pixels of the source. */
function CasePicture({ one }: { readonly one: CuratedCase }): ReactElement {
  const { label, image: { source } } = one;
  const line = Math.max(source.width, source.height) / 220;
  return (
    <div className="case-picture">
      <svg viewBox={`0 0 ${source.width} ${source.height}`} role="img" aria-label={labelText(one)}>
        <image href={thumbnailUrl(frameOf(one), 384)} width={source.width} height={source.height} preserveAspectRatio="none" />
        {label.kind === 'boxes' && label.boxes.map(({ label: name, box: { x1, y1, x2, y2 } }, at) => <g key={at}><rect x={x1} y={y1} width={x2 - x1} height={y2 - y1} fill="none" stroke="#5fd6c8" strokeWidth={line} rx={line} /><text x={x1 + line} y={Math.max(line * 8, y1 - line * 2)} fontSize={line * 8} fill="#5fd6c8">{name}</text></g>)}
        {label.kind === 'points' && label.points.map(({ x, y }, at) => <circle key={at} cx={x} cy={y} r={label.tolerance} fill="none" stroke="#5fd6c8" strokeWidth={line} />)}
      </svg>
    </div>
  );
}
